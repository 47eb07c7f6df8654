/** A result as one file: its record and its tables. What comes out of one is held against what it says of itself. */

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { SalvorError } from '../../engine/errors.js'
import { fileHash } from '../../file-hash.js'
import { require } from '../../require.js'
import { evidenceId, type Job, jobId, type Outcome } from '../job.js'

export type Result = Extract<Outcome, { readonly kind: 'result' }>

const RECORD = 'result.json'
/** Tables of rows shrink to a tenth even so. */
const LEVEL = 1
const MEMBER = /^(?:[\w-]+\.ndjson|result\.json)$/

/** Writes a result as one file into an empty folder, and answers its path. */
export async function pack(result: Result, folder: string): Promise<string> {
  const tar = require('tar') as typeof import('tar')
  const tables = result.tables.map((table) => ({ ...table, file: basename(table.file) }))
  writeFileSync(join(folder, RECORD), JSON.stringify({ ...result, tables }))
  for (const { file } of result.tables) renameSync(file, join(folder, basename(file)))
  const file = join(folder, 'packed')
  const members = [RECORD, ...tables.map((table) => table.file)]
  await tar.create({ gzip: { level: LEVEL }, portable: true, noMtime: true, cwd: folder, file }, members)
  return file
}

function damaged(why: string, cause?: unknown): SalvorError {
  return new SalvorError('EVIDENCE', `its result is damaged: ${why}`, cause === undefined ? {} : { cause })
}

/** Takes a file apart into a folder. Throws where it is no whole result of this job. */
export async function unpack(file: string, folder: string, { settings }: Job): Promise<Result> {
  const tar = require('tar') as typeof import('tar')
  const isMember = (path: string, entry: unknown): boolean =>
    MEMBER.test(path) && (entry as { readonly type?: string }).type === 'File'
  let result: Result
  try {
    await tar.extract({ file, cwd: folder, strict: true, filter: isMember })
    result = JSON.parse(readFileSync(join(folder, RECORD), 'utf8')) as Result
  } catch (error) {
    throw damaged(error instanceof Error ? error.message : String(error), error)
  }
  const { record, tables } = result
  if (result.kind !== 'result' || ![record?.tables, record?.files, tables].every(Array.isArray))
    throw damaged('no record')
  if (record.job !== jobId(evidenceId(record), settings)) throw damaged('it is of another job')
  const hashes = new Map(record.tables.map(({ table, sha256 }) => [table, sha256]))
  const found = tables.map(({ analyzer, file: name }) => ({ analyzer, file: join(folder, basename(name)) }))
  for (const { analyzer, file: path } of found) {
    const expected = hashes.get(analyzer)
    if (expected === undefined) continue
    if (!existsSync(path) || (await fileHash(path)).sha256 !== expected) throw damaged(`rows of ${analyzer} are others`)
    hashes.delete(analyzer)
  }
  const [missing] = hashes.keys()
  if (missing !== undefined) throw damaged(`${missing} is missing`)
  return { kind: 'result', record, tables: found }
}
