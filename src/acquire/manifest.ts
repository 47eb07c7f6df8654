/** Manifests of what was taken (manifest.schema.json), as they come back: from a host that an attacker may have held. */

import { SalvorError } from '../engine/errors.js'

export type ManifestKind = 'memory' | 'facts' | 'instance' | 'checkpoint' | 'record'

export interface ManifestFile {
  readonly name: string
  readonly kind: ManifestKind
  /** Of memory. */
  readonly format: string | null
  readonly size: number
  readonly sha256: string
}

export interface Manifest {
  readonly case: string
  /** The capture itself says that it has all. */
  readonly complete: boolean
  readonly host: string
  readonly started: string
  readonly ended: string
  readonly files: readonly ManifestFile[]
}

export const MANIFEST_ENDING = '.manifest.json'
/** A manifest of a hundred thousand files is smaller. */
export const MOST_BYTES = 64 << 20

const MOST_FILES = 100_000
const kinds: ReadonlySet<unknown> = new Set(['memory', 'facts', 'instance', 'checkpoint', 'record'])
const formats: ReadonlySet<unknown> = new Set(['lime', 'avml', 'elf', 'raw'])
/** A file beside the manifest: no path, no hidden file, nothing that a command takes for an option. */
const plainName = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/
const hash = /^[0-9a-f]{64}$/
const moment = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/

type Fields = Readonly<Record<string, unknown>>

function fields(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new SalvorError('EVIDENCE', `${what} is no object`)
}

function text(from: Fields, name: string, what: string, form?: RegExp): string {
  const value = from[name]
  if (typeof value === 'string' && (form === undefined || form.test(value))) return value
  throw new SalvorError('EVIDENCE', `${what} has no ${name} as it should be`)
}

function file(value: unknown, index: number): ManifestFile {
  const what = `file ${index + 1}`
  const from = fields(value, what)
  const { kind, format = null, size } = from
  const name = text(from, 'name', what, plainName)
  if (!kinds.has(kind)) throw new SalvorError('EVIDENCE', `${what} is of no known kind`)
  if (format !== null && !formats.has(format)) throw new SalvorError('EVIDENCE', `${what} is of no known format`)
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new SalvorError('EVIDENCE', `${what} has no size as it should be`)
  }
  text(from, 'started', what, moment)
  text(from, 'ended', what, moment)
  return {
    name,
    kind: kind as ManifestKind,
    format: format as string | null,
    size,
    sha256: text(from, 'sha256', what, hash),
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    throw new SalvorError('EVIDENCE', 'it is no JSON')
  }
}

/** Reads a manifest; throws what is wrong with the first part of it that is not as the schema says. */
export function readManifest(json: string): Manifest {
  const from = fields(parse(json), 'a manifest')
  if (from.schema !== 'salvor-acquisition-1') throw new SalvorError('EVIDENCE', 'it is no manifest of an acquisition')
  const { complete, files } = from
  if (typeof complete !== 'boolean') throw new SalvorError('EVIDENCE', 'it does not say whether it is complete')
  if (!Array.isArray(files) || files.length > MOST_FILES) throw new SalvorError('EVIDENCE', 'it has no list of files')
  const read = files.map(file)
  if (new Set(read.map(({ name }) => name)).size !== read.length) {
    throw new SalvorError('EVIDENCE', 'it names a file twice')
  }
  return {
    case: text(from, 'case', 'the manifest'),
    complete,
    host: text(fields(from.host, 'the host'), 'name', 'the host'),
    started: text(from, 'started', 'the manifest', moment),
    ended: text(from, 'ended', 'the manifest', moment),
    files: read,
  }
}
