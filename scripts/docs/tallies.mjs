// How the rules did on the images whose findings are kept in test/findings/: against what was planted in them.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../lib.mjs'

const FOLDER = join(root, 'test', 'findings')
const COUNTED = new Set(['medium', 'high', 'critical'])

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/** Whether a finding is of a planted trace: of one of its processes, or one that names what it is about. */
export function isOf(finding, { pids = [], names = [], container }) {
  if (pids.includes(finding.pid)) return true
  const ofContainer = container === undefined || finding.container_name === container
  return ofContainer && names.some((name) => finding.summary.includes(name))
}

/** The kept findings of each image, and what was planted in it with the rules that are meant for each. */
export function readKept() {
  const images = readdirSync(join(FOLDER, 'images')).sort()
  return images.map((image) => ({
    image,
    findings: readJson(join(FOLDER, 'images', image, 'findings.json')),
    planted: readJson(join(FOLDER, 'images', image, 'planted.json')),
  }))
}

/** By image and rule: traces that it is meant for, how many it found, and findings that are of nothing planted. */
export function readTallies() {
  return Object.fromEntries(
    readKept().map(({ image, findings, planted }) => [image, tallyOf(findings, Object.values(planted))]),
  )
}

function tallyOf(findings, traces) {
  const tally = {}
  const of = (rule) => {
    tally[rule] ??= { planted: 0, found: 0, beside: 0 }
    return tally[rule]
  }
  const counted = findings.filter(({ severity }) => COUNTED.has(severity))
  for (const trace of traces) {
    for (const rule of trace.rules) {
      of(rule).planted++
      if (counted.some((finding) => finding.rule === rule && isOf(finding, trace))) of(rule).found++
    }
  }
  for (const finding of counted) if (!traces.some((trace) => isOf(finding, trace))) of(finding.rule).beside++
  return tally
}
