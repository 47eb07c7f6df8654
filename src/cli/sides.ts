/** What `salvor compare` is given: an image, an image of a case, or a container of either. */

import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Value } from '../api/columns.js'
import type { Side } from '../case/compare.js'
import type { SqlSource } from '../case/sql.js'
import { literal } from '../case/sql-types.js'
import { isCase } from '../case/store.js'
import { SalvorError } from '../engine/errors.js'
import { isElsewhere, isObjectName } from '../intake/names.js'
import type { Invocation } from './command.js'
import { openSource } from './commands/sql.js'
import { imagePath } from './session.js'

export interface OpenedSide extends Side {
  readonly close: () => Promise<void>
}

interface Words {
  readonly path: string
  readonly image?: string
  readonly container?: string
}

/** `PATH`, `CASE:IMAGE`, and `@CONTAINER` behind either. A file that is called so is meant before that. */
function takeApart(word: string, directory: string): Words {
  const isThere = (path: string): boolean => isElsewhere(path) || existsSync(resolve(directory, path))
  if (isThere(word) && !isObjectName(word)) return { path: word }
  const at = word.lastIndexOf('@')
  const container = at < 0 ? {} : { container: word.slice(at + 1) }
  const rest = at < 0 ? word : word.slice(0, at)
  const colon = rest.lastIndexOf(':')
  if (colon < 0 || isThere(rest)) return { path: rest, ...container }
  return { path: rest.slice(0, colon), image: rest.slice(colon + 1), ...container }
}

async function rowsOf(source: SqlSource, sql: string): Promise<Record<string, Value>[]> {
  const rows: Record<string, Value>[] = []
  for await (const { columns, length } of (await source.query(sql)).batches)
    for (let index = 0; index < length; index++)
      rows.push(Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[index] ?? null])))
  return rows
}

/** The one row that is meant, or an error that says which there are. */
function theOne<T>(rows: readonly T[], what: string, name: (row: T) => string, all: () => Promise<readonly string[]>) {
  const [first, second] = rows
  if (first !== undefined && second === undefined) return Promise.resolve(first)
  if (second !== undefined) throw new SalvorError('USAGE', `${what} is more than one: ${rows.map(name).join(', ')}`)
  return all().then((names) => {
    throw new SalvorError('USAGE', `${what} is not there; there are: ${names.join(', ') || 'none'}`)
  })
}

async function imageOf(
  source: SqlSource,
  path: string,
  wanted: string | undefined,
): Promise<{ image: string; boot: string | null }> {
  if (!(await source.names()).has('images')) {
    const [facts] = await rowsOf(source, 'SELECT image_id, build_id, boot_time FROM info')
    return { image: path, boot: bootOf(facts) }
  }
  const match =
    wanted === undefined
      ? 'true'
      : `(starts_with(id, ${literal(wanted)}) OR hostname = ${literal(wanted)} OR path = ${literal(wanted)}
          OR ends_with(path, ${literal(`/${wanted}`)}))`
  const sql = (where: string) =>
    `SELECT id, hostname, path, build_id, boot_time FROM images WHERE ${where} ORDER BY path`
  const nameOf = (row: Record<string, Value>) => `${row.id} (${row.hostname ?? row.path})`
  const analyzed = "state NOT IN ('failed', 'lost')"
  const found = await theOne(
    await rowsOf(source, sql(`${match} AND ${analyzed}`)),
    `the image ${wanted ?? 'of the case'}`,
    nameOf,
    async () => (await rowsOf(source, sql(analyzed))).map(nameOf),
  )
  return { image: String(found.id), boot: bootOf(found) }
}

function bootOf(facts: Record<string, Value> | undefined): string | null {
  if (typeof facts?.build_id !== 'string' || facts.boot_time === null) return null
  return `${facts.build_id} ${facts.boot_time}`
}

async function containerOf(source: SqlSource, image: string, wanted: string) {
  const sql = (where: string) =>
    `SELECT id, name FROM containers WHERE image_id = ${literal(image)} AND ${where} ORDER BY name, id`
  const match = `(starts_with(id, ${literal(wanted)}) OR name = ${literal(wanted)})`
  const nameOf = (row: Record<string, Value>) => String(row.name ?? row.id)
  const found = await theOne(await rowsOf(source, sql(match)), `the container ${wanted}`, nameOf, async () =>
    (await rowsOf(source, sql('true'))).map(nameOf),
  )
  return { id: String(found.id), name: typeof found.name === 'string' ? found.name : null }
}

export async function openSide(invocation: Invocation, word: string): Promise<OpenedSide> {
  const words = takeApart(word, invocation.world.directory)
  const path = imagePath(invocation.world.directory, words.path)
  if (!isElsewhere(path) && !existsSync(path) && isCase(dirname(path)))
    throw new SalvorError('USAGE', `${word}: an image of a case is ${dirname(words.path)}:${basename(words.path)}`)
  const { source, close } = await openSource(invocation, path)
  try {
    const { image, boot } = await imageOf(source, path, words.image)
    const container = words.container === undefined ? undefined : await containerOf(source, image, words.container)
    return { source, image, boot, close, ...(container === undefined ? {} : { container }) }
  } catch (error) {
    await close()
    throw error
  }
}
