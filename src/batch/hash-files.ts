/** The hash of evidence, made while the analysis goes on. */

import { open, stat } from 'node:fs/promises'
import type { HashedFileRecord } from '../case/manifest.js'
import { SalvorError } from '../engine/errors.js'
import { checkRegular, evidenceFailure } from '../engine/evidence-file.js'
import { fileHash, type Hashing, sha256Of } from '../file-hash.js'
import { isoTime } from '../iso-time.js'

/** The evidence has no hash, so that nothing can be said of it. */
export class Unhashed extends Error {
  constructor(readonly failure: SalvorError) {
    super(failure.message, { cause: failure })
  }
}

/** Reads a file once, and nothing else of it than its bytes. Throws where it changed meanwhile. */
async function hashFile(path: string, hashing: Hashing): Promise<HashedFileRecord> {
  // A FIFO would wait for a writer, and a device may have no end.
  checkRegular(path, await stat(path))
  const handle = await open(path, 'r')
  try {
    const before = await handle.stat({ bigint: true })
    const { sha256 } = await fileHash(handle, hashing)
    const after = await handle.stat({ bigint: true })
    if (after.size !== before.size || after.mtimeNs !== before.mtimeNs)
      throw new SalvorError('EVIDENCE', `${path}: it changed while it was read`)
    const modified = isoTime(before.mtimeNs) ?? String(before.mtimeNs)
    return { path, bytes: Number(before.size), sha256, modified }
  } finally {
    await handle.close()
  }
}

export interface HashedEvidence {
  readonly files: readonly HashedFileRecord[]
  /** Of the file, or of the hashes of the parts of a dump that was split. */
  readonly sha256: string
}

/** `advance` hears of each piece how many bytes it has. Throws Unhashed where a file cannot be read to its end. */
export async function hashEvidence(
  paths: readonly string[],
  signal: AbortSignal,
  advance: (bytes: number) => void = () => {},
): Promise<HashedEvidence> {
  const files: HashedFileRecord[] = []
  for (const path of paths) {
    try {
      files.push(await hashFile(path, { signal, advance }))
    } catch (error) {
      throw signal.aborted ? error : new Unhashed(evidenceFailure(path, error))
    }
  }
  const hashes = files.map(({ sha256 }) => sha256)
  return { files, sha256: hashes.length === 1 ? (hashes[0] ?? '') : sha256Of(hashes.join('\n')) }
}
