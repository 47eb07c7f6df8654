/** The hash of evidence, made while the analysis goes on. */

import { open } from 'node:fs/promises'
import type { HashedFileRecord } from '../case/manifest.js'
import { SalvorError } from '../engine/errors.js'
import { fileHash, type Hashing, sha256Of } from '../file-hash.js'
import { isoTime } from '../iso-time.js'

/** Reads a file once, and nothing else of it than its bytes. Throws where it changed meanwhile. */
async function hashFile(path: string, hashing: Hashing): Promise<HashedFileRecord> {
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

/** `advance` hears of each piece how many bytes it has. */
export async function hashEvidence(
  paths: readonly string[],
  signal: AbortSignal,
  advance: (bytes: number) => void = () => {},
): Promise<HashedEvidence> {
  const files: HashedFileRecord[] = []
  for (const path of paths) files.push(await hashFile(path, { signal, advance }))
  const hashes = files.map(({ sha256 }) => sha256)
  return { files, sha256: hashes.length === 1 ? (hashes[0] ?? '') : sha256Of(hashes.join('\n')) }
}
