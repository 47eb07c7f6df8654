/** Hashes of the files that an image is read from. */

import { statSync } from 'node:fs'
import { toFailure } from '../engine/errors.js'
import { fileHash } from '../file-hash.js'
import type { Warning } from '../warning.js'
import type { ImageFile } from './model/document.js'

interface Hashing {
  /** Only the sizes where it is false. */
  readonly hash: boolean
  readonly signal: AbortSignal
  readonly progress: (task: string, done: number, total: number) => void
  readonly warn: (warning: Warning) => void
}

/** Sizes and SHA-256 of files. One that can no longer be read is a warning. */
export async function hashFiles(paths: readonly string[], hashing: Hashing): Promise<ImageFile[]> {
  const { hash, signal, progress, warn } = hashing
  const sizes = paths.map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  let done = 0
  const files: ImageFile[] = []
  for (const [at, path] of paths.entries()) {
    const advance = (bytes: number): void => {
      done += bytes
      progress('hash of the image', done, Math.max(total, done))
    }
    const file = { path, bytes: sizes[at] ?? 0 }
    if (!hash) {
      files.push({ ...file, sha256: null })
      continue
    }
    try {
      const { sha256 } = await fileHash(path, { advance, signal })
      files.push({ ...file, sha256 })
    } catch (error) {
      if (signal.aborted) throw error
      warn({ code: 'unreadable', message: `${path} was not hashed: ${toFailure(error).message}` })
      files.push({ ...file, sha256: null })
    }
  }
  return files
}
