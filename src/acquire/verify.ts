/** Holds what arrived against its manifest. */

import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { SalvorError, toFailure } from '../engine/errors.js'
import { exitCodes, worst } from '../engine/status.js'
import { fileHash, sha256Of } from '../file-hash.js'
import { MANIFEST_ENDING, type Manifest, type ManifestFile, MOST_BYTES, readManifest } from './manifest.js'

/** What is true of a file, or of a manifest as a whole. */
export type State =
  | 'as captured'
  | 'missing'
  | 'changed'
  | 'unreadable'
  | 'damaged'
  | 'incomplete'
  | 'not in a manifest'

/** One line of the answer. */
export interface Verdict {
  readonly manifest: string | null
  readonly file: string
  readonly kind: string | null
  readonly state: State
  /** Bytes, as they are here and as the manifest has them. */
  readonly size: number | null
  readonly expectedSize: number | null
  readonly sha256: string | null
  readonly expectedSha256: string | null
  readonly remark: string | null
}

/** What an image's headers say; see `describeFile` of the core. */
export interface Headers {
  readonly format: string
  readonly ranges: number
  readonly bytes: number
  readonly warnings: readonly string[]
}

export interface VerifyOptions {
  /** The hash that a manifest must have. */
  readonly sha256: string | null
  readonly signal: AbortSignal
  readonly headersOf: (path: string) => Headers
  readonly progress: (file: string, done: number, total: number) => void
}

const exitCodeOf: Readonly<Record<State, number>> = {
  'as captured': exitCodes.complete,
  missing: exitCodes.partial,
  incomplete: exitCodes.partial,
  damaged: exitCodes.partial,
  changed: exitCodes.evidence,
  unreadable: exitCodes.evidence,
  'not in a manifest': exitCodes.complete,
}

export function exitCodeOfVerdicts(verdicts: readonly Verdict[]): number {
  return worst(verdicts.map(({ state }) => exitCodeOf[state]))
}

/** The manifests that a path means: itself, or all in a folder. */
export function manifestsAt(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) throw new SalvorError('EVIDENCE', `${path}: there is nothing of that name`)
  if (!found.isDirectory()) return [path]
  const names = readdirSync(path).filter((name) => name.endsWith(MANIFEST_ENDING))
  if (names.length === 0) {
    throw new SalvorError(
      'EVIDENCE',
      `${path}: no manifest (*${MANIFEST_ENDING}) is there; it is delivered last, so what is there may be unfinished`,
    )
  }
  return names.sort().map((name) => join(path, name))
}

function verdict(path: string, file: ManifestFile, state: State, more: Partial<Verdict> = {}): Verdict {
  return {
    manifest: basename(path),
    file: file.name,
    kind: file.kind,
    state,
    size: null,
    expectedSize: file.size,
    sha256: null,
    expectedSha256: file.sha256,
    remark: null,
    ...more,
  }
}

function hashOf(path: string, size: number, { signal, progress }: VerifyOptions) {
  let done = 0
  const advance = (bytes: number): void => {
    done += bytes
    progress(basename(path), done, size)
  }
  return fileHash(path, { signal, advance })
}

/** What the headers of memory say that a hash does not: a capture that was cut off hashes as well as any. */
function headerTrouble(path: string, { format }: ManifestFile, options: VerifyOptions): string | null {
  try {
    const headers = options.headersOf(path)
    if (format !== null && headers.format !== format) return `its content is ${headers.format}, not ${format}`
    return headers.warnings[0] ?? null
  } catch (error) {
    return toFailure(error).message
  }
}

async function verifyFile(manifest: string, file: ManifestFile, options: VerifyOptions): Promise<Verdict> {
  const path = join(dirname(manifest), file.name)
  try {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) return verdict(manifest, file, 'missing')
    if (!found.isFile()) return verdict(manifest, file, 'unreadable', { remark: 'it is no regular file' })
    // The size alone proves it, before hours of hashing.
    if (found.size !== file.size) {
      const remark = found.size < file.size ? 'it is cut off, or still on its way' : 'it is longer than what was taken'
      return verdict(manifest, file, 'changed', { size: found.size, remark })
    }
    const { sha256, bytes } = await hashOf(path, found.size, options)
    const is = { size: bytes, sha256 }
    if (bytes !== file.size || sha256 !== file.sha256) {
      return verdict(manifest, file, 'changed', { ...is, remark: 'its content is not what was taken' })
    }
    const trouble = file.kind === 'memory' ? headerTrouble(path, file, options) : null
    if (trouble !== null) return verdict(manifest, file, 'damaged', { ...is, remark: trouble })
    return verdict(manifest, file, 'as captured', is)
  } catch (error) {
    if (options.signal.aborted) throw error
    return verdict(manifest, file, 'unreadable', { remark: toFailure(error).message })
  }
}

function ofManifest(
  path: string,
  state: State,
  remark: string | null,
  sha256: string | null,
  expected: string | null,
): Verdict {
  return {
    manifest: basename(path),
    file: basename(path),
    kind: 'manifest',
    state,
    size: null,
    expectedSize: null,
    sha256,
    expectedSha256: expected,
    remark,
  }
}

/** A manifest's own state, and itself where it can be read. */
function open(path: string, { sha256: expected }: VerifyOptions): { own: Verdict; manifest: Manifest | null } {
  try {
    const { size } = statSync(path)
    if (size > MOST_BYTES) throw new SalvorError('EVIDENCE', `it has ${size} bytes, more than any manifest`)
    const bytes = readFileSync(path)
    const sha256 = sha256Of(bytes)
    if (expected !== null && expected !== sha256) {
      const remark = 'it is not the manifest whose hash was given'
      return { own: ofManifest(path, 'changed', remark, sha256, expected), manifest: null }
    }
    const manifest = readManifest(bytes.toString('utf8'))
    const own = manifest.complete
      ? ofManifest(path, 'as captured', null, sha256, expected)
      : ofManifest(path, 'incomplete', 'the capture itself says that it did not get all', sha256, expected)
    return { own, manifest }
  } catch (error) {
    return { own: ofManifest(path, 'unreadable', toFailure(error).message, null, expected), manifest: null }
  }
}

/** Files of the folder that no manifest names: they may be unfinished, or of somebody else. */
function unnamed(folder: string, known: ReadonlySet<string>): Verdict[] {
  return readdirSync(folder)
    .sort()
    .filter((name) => !known.has(name))
    .map((file) => ({
      manifest: null,
      file,
      kind: null,
      state: 'not in a manifest',
      size: lstatSync(join(folder, file), { throwIfNoEntry: false })?.size ?? null,
      expectedSize: null,
      sha256: null,
      expectedSha256: null,
      remark: null,
    }))
}

/** Everything at a path, one verdict for each manifest and each file, as they are found. */
export async function* verify(path: string, options: VerifyOptions): AsyncGenerator<Verdict> {
  const manifests = manifestsAt(path)
  if (options.sha256 !== null && manifests.length > 1) {
    throw new SalvorError('USAGE', `--sha256 is of one manifest, and ${path} has ${manifests.length}: name one of them`)
  }
  const known = new Set(manifests.map((one) => basename(one)))
  for (const one of manifests) {
    const { own, manifest } = open(one, options)
    yield own
    for (const file of manifest?.files ?? []) {
      known.add(file.name)
      yield await verifyFile(one, file, options)
    }
  }
  if (manifests[0] !== path) yield* unnamed(path, known)
}
