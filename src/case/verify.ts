/** Whether a case still is what its manifests say, and its images what they were. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Columns } from '../api/columns.js'
import { sha256Of } from '../file-hash.js'
import { STANDARD_INPUT } from '../intake/names.js'
import { require } from '../require.js'
import type { ChecksumRecord, EvidenceFileRecord, Manifest } from './manifest.js'
import { manifestFolder, manifestName } from './manifest-files.js'
import { RowLines } from './rows-file.js'
import type { CaseTable } from './schema.js'
import { batchesOf, columnsOf } from './sql-results.js'
import { columnName, quoted, tableName } from './sql-types.js'
import type { CaseStore } from './store.js'

/** One thing that was looked at. */
export interface Checked {
  readonly kind: 'chain' | 'manifest' | 'image' | 'table'
  /** The manifest's file, the image's path, or the table with its image. */
  readonly what: string
  readonly state: 'unchanged' | 'changed' | 'missing' | 'added' | 'not kept'
  /** What differs, where something does. */
  readonly how: string | null
}

/** Hashes a file of evidence; null where there is none. */
export type HashFile = (file: EvidenceFileRecord) => Promise<string | null>
/** What a server says of an object now; null where there is none. */
export type LookAt = (file: EvidenceFileRecord) => Promise<ObjectFacts | null>

export interface ObjectFacts {
  readonly etag: string
  readonly version?: string
  readonly checksum?: ChecksumRecord
}

export interface VerifyOptions {
  readonly hashFile: HashFile
  readonly lookAt: LookAt
  /** The hash of a manifest that was kept elsewhere: the chain must lead to it. */
  readonly head?: string
}

interface Link {
  readonly sequence: number
  readonly id: string
  readonly sha256: string
  readonly text: string
  readonly manifest: Manifest
}

async function linksOf({ database }: CaseStore): Promise<Link[]> {
  const rows = await database.rows('SELECT sequence, image_id, sha256, manifest FROM manifests ORDER BY sequence')
  return rows.map(({ sequence, image_id, sha256, manifest }) => ({
    sequence: Number(sequence),
    id: String(image_id),
    sha256: String(sha256),
    text: String(manifest),
    manifest: JSON.parse(String(manifest)) as Manifest,
  }))
}

function fault(kind: Checked['kind'], what: string, state: Checked['state'], how: string | null): Checked {
  return { kind, what, state, how }
}

/** Each manifest has the hash that is kept of it, and names that of the one before. */
function* checkChain(links: readonly Link[], head: string | undefined): Generator<Checked> {
  let previous: string | null = null
  for (const [index, { sequence, sha256, text, manifest, id }] of links.entries()) {
    const what = manifestName(sequence, id)
    if (sha256Of(text) !== sha256) yield fault('chain', what, 'changed', 'it does not have its hash')
    else if (sequence !== index + 1 || manifest.sequence !== sequence)
      yield fault('chain', what, 'missing', `manifest ${index + 1} is not there`)
    else if (manifest.previous !== previous)
      yield fault('chain', what, 'changed', 'it does not follow the manifest before it')
    else yield fault('chain', what, 'unchanged', null)
    previous = sha256
  }
  if (head !== undefined && !links.some(({ sha256 }) => sha256 === head))
    yield fault('chain', head, 'missing', 'no manifest has this hash')
}

/** The files beside the database say the same. */
function* checkFiles(folder: string, links: readonly Link[]): Generator<Checked> {
  const below = manifestFolder(folder)
  const expected = new Map(links.map(({ sequence, id, text }) => [manifestName(sequence, id), text]))
  for (const [name, text] of expected) {
    const path = join(below, name)
    if (!existsSync(path)) yield fault('manifest', name, 'missing', null)
    else if (readFileSync(path, 'utf8') !== text) yield fault('manifest', name, 'changed', 'it is not as in the case')
    else yield fault('manifest', name, 'unchanged', null)
  }
  const there = existsSync(below) ? readdirSync(below) : []
  for (const name of there)
    if (!expected.has(name)) yield fault('manifest', name, 'added', 'no image of the case is behind it')
}

/** The rows of one image in a table, made into the lines that were hashed when they came in. */
async function tableHash(
  store: CaseStore,
  name: string,
  id: string,
  columns: Columns,
): Promise<{ sha256: string; rows: number }> {
  const { createHash } = require('node:crypto') as typeof import('node:crypto')
  const entries = Object.entries(columns)
  const list = entries.map(([column]) => quoted(columnName(column))).join(', ')
  const sql = `SELECT image_row, ${list} FROM ${quoted(name)} WHERE image_id = $1 ORDER BY image_row`
  const result = await store.database.stream(sql, [id])
  const lines = new RowLines(columns)
  const hash = createHash('sha256')
  let rows = 0
  for await (const batch of batchesOf(result, columnsOf(result))) {
    let text = ''
    for (let index = 0; index < batch.length; index++) {
      const row = Number(batch.columns.image_row?.[index])
      text += lines.line(row, (column) => batch.columns[columnName(column)]?.[index])
    }
    hash.update(text)
    rows += batch.length
  }
  return { sha256: hash.digest('hex'), rows }
}

/** The columns that a table had when its rows came in: a later version may have added some. */
function columnsThen({ columns }: CaseTable, names: readonly string[]): Columns {
  return Object.fromEntries(names.map((name) => [name, columns[columnName(name)] ?? { type: 'text', description: '' }]))
}

async function* checkTables(store: CaseStore, links: readonly Link[]): AsyncGenerator<Checked> {
  const tables = await store.tables()
  const known = new Set<string>()
  for (const { id, manifest } of links) {
    for (const { table, columns, sha256, rows } of manifest.tables) {
      const name = tableName(table)
      const what = `${name} of ${id}`
      known.add(what)
      const stored = tables.get(name)
      if (stored === undefined) {
        yield fault('table', what, 'missing', null)
        continue
      }
      const found = await tableHash(store, name, id, columnsThen(stored, columns))
      if (found.sha256 === sha256) yield fault('table', what, 'unchanged', null)
      else {
        const how = found.rows === rows ? 'its rows are others' : `it has ${found.rows} rows, and had ${rows}`
        yield fault('table', what, 'changed', how)
      }
    }
  }
  for (const name of tables.keys()) {
    const rows = await store.database.rows(`SELECT DISTINCT image_id FROM ${quoted(name)}`)
    for (const { image_id } of rows) {
      const what = `${name} of ${image_id}`
      if (!known.has(what)) yield fault('table', what, 'added', 'no manifest names these rows')
    }
  }
}

/** An object that was not hashed: by what its server says of it. */
async function checkObject(file: EvidenceFileRecord, lookAt: LookAt): Promise<Checked> {
  const { path, etag = '', version, checksum } = file
  const found = await lookAt(file)
  if (found === null) return fault('image', path, 'missing', version === undefined ? null : `version ${version}`)
  if (found.etag !== etag) return fault('image', path, 'changed', `its ETag is ${found.etag}, and was ${etag}`)
  const [was, is] = [checksum, found.checksum].map((one) => (one === undefined ? '' : `${one.algorithm} ${one.value}`))
  // A server need not say it of one that it said it of before.
  if (was !== '' && is !== '' && was !== is)
    return fault('image', path, 'changed', `its checksum is ${is}, and was ${was}`)
  const by = was !== '' && was === is ? `ETag and ${checksum?.algorithm}` : 'ETag'
  const of = version !== undefined && found.version === version ? `version ${version}, ` : ''
  return fault('image', path, 'unchanged', `${of}by its ${by}: only what was read was fetched, and nothing hashed`)
}

async function* checkImages(
  links: readonly Link[],
  { hashFile, lookAt }: Pick<VerifyOptions, 'hashFile' | 'lookAt'>,
): AsyncGenerator<Checked> {
  const done = new Set<string>()
  for (const { manifest } of links) {
    for (const file of manifest.files) {
      const { path, sha256, etag, version = '' } = file
      const known = [path, version, sha256 ?? etag].join()
      if (done.has(known)) continue
      done.add(known)
      if (sha256 === null) {
        yield await checkObject(file, lookAt)
        continue
      }
      if (path === STANDARD_INPUT) {
        yield fault('image', path, 'not kept', `it was piped in; its SHA-256 was ${sha256}`)
        continue
      }
      const found = await hashFile(file)
      if (found === null) yield fault('image', path, 'missing', null)
      else if (found !== sha256) yield fault('image', path, 'changed', `its SHA-256 is ${found}, and was ${sha256}`)
      else yield fault('image', path, 'unchanged', null)
    }
  }
}

/** Other paths under which the same evidence was given: what is there is to be what was analyzed. */
async function* checkCopies(
  { database }: CaseStore,
  links: readonly Link[],
  hashFile: HashFile,
): AsyncGenerator<Checked> {
  const manifests = new Map(links.map(({ id, manifest }) => [id, manifest]))
  const rows = await database.rows('SELECT path, image FROM sources WHERE image IS NOT NULL ORDER BY path')
  for (const row of rows) {
    const path = String(row.path)
    const { files = [] } = manifests.get(String(row.image)) ?? {}
    const [first, second] = files
    if (path === STANDARD_INPUT || first === undefined || files.some((file) => file.path === path)) continue
    if (first.sha256 === null || second !== undefined) {
      // Its own parts, and its own ETag, are on no record.
      yield fault('image', path, 'not kept', `it was the same as ${first.path}, which is looked at instead`)
      continue
    }
    const { bytes, sha256, modified } = first
    const found = await hashFile({ path, bytes, sha256, modified })
    const was = `as ${first.path} was`
    if (found === null) yield fault('image', path, 'missing', `it was the same ${was}`)
    else if (found !== sha256)
      yield fault('image', path, 'changed', `its SHA-256 is ${found}, and was ${sha256}, ${was}`)
    else yield fault('image', path, 'unchanged', null)
  }
}

/** Looks at everything, the cheap first. */
export async function* verify(store: CaseStore, { head, ...look }: VerifyOptions): AsyncGenerator<Checked> {
  const links = await linksOf(store)
  yield* checkChain(links, head)
  yield* checkFiles(store.folder, links)
  yield* checkTables(store, links)
  yield* checkImages(links, look)
  yield* checkCopies(store, links, look.hashFile)
}

/** The hash of the last manifest, which stands for all before it; null where there is none. */
export async function headOf({ database }: CaseStore): Promise<string | null> {
  const [last] = await database.rows('SELECT sha256 FROM manifests ORDER BY sequence DESC LIMIT 1')
  return last === undefined ? null : String(last.sha256)
}
