/** The images of a case as they can be searched again, and what YARA rules found in them. */

import { existsSync, statSync } from 'node:fs'
import type { Value } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import { evidenceId } from '../batch/job.js'
import { fileHash } from '../file-hash.js'
import { isObjectName, STANDARD_INPUT } from '../intake/names.js'
import type { EvidenceFileRecord, Manifest } from './manifest.js'
import type { CaseStore } from './store.js'

/** A place at which a rule holds, as a query has it. */
export interface YaraHit {
  readonly rule: string
  readonly image: string
  /** Which string of the rule. */
  readonly pattern: string | null
  readonly match: string | null
  readonly pid: number | null
  readonly container: string | null
  /** What is there, and where it is. */
  readonly place: string | null
}

/** Evidence of a case, and the newest image that was made of it. */
export interface CaseEvidence {
  readonly id: string
  readonly files: readonly EvidenceFileRecord[]
  /** Most GiB of an image that is packed. */
  readonly unpackLimit?: number
}

/** Each evidence once, in the order in which it first came in. What could not be read then is not searched now. */
export async function evidenceOf({ database }: CaseStore): Promise<readonly CaseEvidence[]> {
  const rows = await database.rows(
    `SELECT image_id, manifest FROM manifests JOIN images ON images.id = image_id WHERE state <> 'failed' ORDER BY sequence`,
  )
  const found = new Map<string, CaseEvidence>()
  for (const { image_id, manifest } of rows) {
    const { files, settings, sha256 } = JSON.parse(String(manifest)) as Manifest
    const { unpackLimit } = settings as { readonly unpackLimit?: number }
    found.set(evidenceId({ files, sha256 }), {
      id: String(image_id),
      files,
      ...(unpackLimit === undefined ? {} : { unpackLimit }),
    })
  }
  return [...found.values()]
}

/** Bytes that are hashed before evidence is searched. */
export function bytesOf({ files }: CaseEvidence): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Evidence that lies in a bucket, which is one file; null of any other. */
export function objectOf({ files }: CaseEvidence): EvidenceFileRecord | null {
  const [file] = files
  return file !== undefined && isObjectName(file.path) ? file : null
}

/** Why an object is not what was analyzed: by its hash where all of it was fetched both times, else by what its server says. */
export function whyAnother(then: EvidenceFileRecord, now: EvidenceFileRecord): string | null {
  const another = `${then.path} is another than was analyzed`
  if (then.sha256 !== null && now.sha256 !== null)
    return then.sha256 === now.sha256 ? null : `${another}: its SHA-256 is ${now.sha256}`
  if (then.etag === undefined || now.etag === undefined) return `${then.path} was not hashed`
  return then.etag === now.etag ? null : `${another}: its ETag is ${now.etag}`
}

/** Why files of evidence cannot be searched as what they were; null where they still are that. */
export async function whyGone(
  { files }: CaseEvidence,
  hashing: { readonly signal: AbortSignal; readonly advance: (bytes: number) => void },
): Promise<string | null> {
  for (const { path, bytes, sha256 } of files) {
    if (path === STANDARD_INPUT) return 'what was piped in, of which nothing was kept'
    if (!existsSync(path)) return `${path} is gone`
    if (statSync(path).size !== bytes) return `${path} is another than was analyzed: it has other bytes`
    if (sha256 === null) return `${path} was not hashed`
    const found = await fileHash(path, hashing)
    if (found.sha256 !== sha256) return `${path} is another than was analyzed: its SHA-256 is ${found.sha256}`
  }
  return null
}

function text(value: Value | undefined): string | null {
  return value === null || value === undefined ? null : String(value)
}

function hex(value: Value | undefined): string | null {
  return typeof value === 'bigint' || typeof value === 'number' ? `0x${value.toString(16)}` : null
}

/** Rows of the yara table as hits. */
export function hitsOf(image: string, { length, columns }: Batch): YaraHit[] {
  return Array.from({ length }, (_, row) => {
    const cell = (name: string): Value | undefined => columns[name]?.[row]
    const [address, physical] = [hex(cell('address')), hex(cell('physical'))]
    const place = [
      text(cell('what')) ?? text(cell('kind')),
      address === null ? null : `at ${address}`,
      physical === null ? null : `physical ${physical}`,
    ]
    const known = place.filter((part) => part !== null)
    const pid = cell('pid')
    return {
      rule: text(cell('rule')) ?? '',
      image,
      pattern: text(cell('pattern')),
      match: text(cell('match')),
      pid: typeof pid === 'number' ? pid : null,
      container: text(cell('container')),
      place: known.length === 0 ? null : known.join(', '),
    }
  })
}
