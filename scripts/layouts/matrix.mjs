// What analyzers ask, held against kernels: analyzer × kernel, and what is missing.
import { readdirSync, readFileSync } from 'node:fs'
import { native } from '../../dist/src/kernel/native.js'

const FOLDER = new URL('allowed/', import.meta.url)
/**
 * What may be missing, and why, a file for each part of the kernel: `what` stands in the line that says so. It may not
 * where the kernel's types have what `unless` names: then the kernel is one of those that should have the other too. Nor
 * where they lack what `instead` names, by which the same is answered.
 */
const ALLOWED = readdirSync(FOLDER).flatMap((file) => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')))

function exists({ type, path }) {
  const select = path === undefined ? [] : [{ name: 'it', path, as: 'address' }]
  return JSON.stringify({ query: { from: { addresses: true, type }, select } })
}

/** What of it all one kernel's types lack, by request. */
function survey({ kernel, types }, requests) {
  try {
    const lacks = JSON.parse(native.survey(types, requests))
    return new Map(requests.map((request, index) => [request, lacks[index]]))
  } catch (error) {
    throw new Error(`${kernel}: ${error.message}`, { cause: error })
  }
}

/** Holds requests (by analyzer) against kernels: a cell of the table for each, and each thing missing with where it is. */
export function matrix(requests, kernels) {
  const all = [
    ...new Set([
      ...[...requests.values()].flatMap((own) => [...own]),
      ...ALLOWED.flatMap(({ unless, instead }) => [unless, instead].filter(Boolean).map(exists)),
    ]),
  ]
  const rows = []
  const missing = new Map()
  for (const { kernel, types } of kernels) {
    const answers = survey({ kernel, types }, all)
    const has = (named) => answers.get(exists(named)).length === 0
    const allowed = ALLOWED.filter(
      ({ unless, instead }) => (unless === undefined || !has(unless)) && (instead === undefined || has(instead)),
    )
    const reasonOf = (what) => allowed.find((entry) => what.includes(entry.what))?.reason ?? null
    const cells = {}
    for (const [analyzer, own] of requests) {
      const lacks = [...own].flatMap((request) => answers.get(request))
      const fails = lacks.some(({ what, needed }) => needed && reasonOf(what) === null)
      cells[analyzer] = lacks.length === 0 ? 'whole' : fails ? 'none' : 'partial'
      for (const { what, needed } of lacks) {
        const reason = reasonOf(what)
        const key = JSON.stringify([what, needed, reason])
        const entry = missing.get(key) ?? { what, needed, reason, kernels: new Set(), analyzers: new Set() }
        entry.kernels.add(kernel)
        entry.analyzers.add(analyzer)
        missing.set(key, entry)
      }
    }
    rows.push({ kernel, cells })
  }
  return { rows, missing: [...missing.values()] }
}
