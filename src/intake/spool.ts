/** Streams into files of their own: hashed on the way, up to a limit, and gone with the process whatever ends it. */

import { openSync, unlinkSync } from 'node:fs'
import { type FileHandle, open, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { SalvorError } from '../engine/errors.js'
import { makeFolder } from '../make-folder.js'
import { isDiskFull } from '../output/target.js'
import { require } from '../require.js'

export interface SpoolSettings {
  readonly folder: string
  /** Bytes that one image may have. */
  readonly limit: number
}

export interface Spooled {
  /** Leads to the file within this process, and nowhere else. */
  readonly path: string
  readonly bytes: number
  readonly sha256: string
  readonly close: () => Promise<void>
}

export interface Receiving {
  readonly signal: AbortSignal
  /** Bytes that are to come, where that is known. */
  readonly expected?: number
  /** Hears how many bytes are here. */
  readonly advance?: (done: number) => void
}

/** What is hashed, looked at for zeros and written at once. */
const BLOCK = 1 << 20
/** What a disk keeps free, and bytes that are written between two looks at how much is: as unpacking does. */
const RESERVE = 2 ** 30
const STRETCH = 64 << 20
const GIB = 2 ** 30

const zeros = Buffer.alloc(BLOCK)

/** A limit in words. */
export function gibibytes(limit: number): string {
  return limit % GIB === 0 ? `${limit / GIB} GiB` : `${limit} bytes`
}

export function isZero(block: Uint8Array): boolean {
  for (let at = 0; at < block.length; at += BLOCK) {
    const part = block.subarray(at, at + BLOCK)
    if (!zeros.subarray(0, part.length).equals(part)) return false
  }
  return true
}

function tooLarge(name: string, limit: number): SalvorError {
  return new SalvorError('LIMIT', `${name}: larger than the ${gibibytes(limit)} that --spool-limit allows`)
}

/** What the system has against spooling, in words. */
export function spoolFailure(name: string, folder: string, error: unknown): SalvorError {
  if (error instanceof SalvorError) return error
  if (isDiskFull(error)) return full(name, folder)
  const { message } = error as NodeJS.ErrnoException
  const reason = /^[A-Z\d]+: ([^,]+)/.exec(message)?.[1] ?? message
  return new SalvorError('USAGE', `${name}: ${folder} cannot be spooled into: ${reason}; name a --spool-dir`, {
    cause: error,
  })
}

function full(name: string, folder: string): SalvorError {
  return new SalvorError('LIMIT', `${name}: the disk of ${folder} is full: make room there, or name a --spool-dir`)
}

/** The file on its way. */
class Spool {
  private readonly hash = (require('node:crypto') as typeof import('node:crypto')).createHash('sha256')
  private readonly block = Buffer.allocUnsafe(BLOCK)
  private filled = 0
  /** Where the block goes that is being filled. */
  private at = 0
  private bytes = 0
  private unchecked = 0

  constructor(
    private readonly name: string,
    private readonly settings: SpoolSettings,
    private readonly file: FileHandle,
  ) {}

  async append(piece: Uint8Array): Promise<void> {
    if (this.bytes + piece.length > this.settings.limit) throw tooLarge(this.name, this.settings.limit)
    this.bytes += piece.length
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + BLOCK - this.filled)
      this.block.set(part, this.filled)
      this.filled += part.length
      at += part.length
      if (this.filled === BLOCK) await this.flush()
    }
  }

  async finish(): Promise<{ bytes: number; sha256: string }> {
    await this.flush()
    // What ends in a hole has to be as long all the same.
    await this.file.truncate(this.bytes)
    return { bytes: this.bytes, sha256: this.hash.digest('hex') }
  }

  private async flush(): Promise<void> {
    const block = this.block.subarray(0, this.filled)
    if (block.length === 0) return
    const { at } = this
    // Memory is full of zeros: they are left as holes.
    const written = isZero(block) ? undefined : this.write(block, at)
    // Heard below.
    written?.catch(() => {})
    this.hash.update(block)
    await written
    this.at += block.length
    this.filled = 0
  }

  private async write(block: Buffer, at: number): Promise<void> {
    this.unchecked += block.length
    if (this.unchecked >= STRETCH) {
      this.unchecked = 0
      await checkRoom(this.name, this.settings.folder, 0)
    }
    for (let done = 0; done < block.length; ) {
      done += (await this.file.write(block, done, block.length - done, at + done)).bytesWritten
    }
  }
}

/** Throws where a disk would not keep its reserve with so many bytes more. */
export async function checkRoom(name: string, folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize - RESERVE < bytes) throw full(name, folder)
}

function freshPath(folder: string): string {
  // What is in memory is nobody else's business.
  makeFolder(folder, 0o700)
  const { randomUUID } = require('node:crypto') as typeof import('node:crypto')
  return join(folder, `.${randomUUID()}`)
}

/** A file that no folder knows: the system frees it when the last who has it open is gone. */
async function unnamed(folder: string): Promise<FileHandle> {
  const path = freshPath(folder)
  const file = await open(path, 'wx+', 0o600)
  unlinkSync(path)
  return file
}

/** The same as a descriptor, which a thread keeps to its end. */
export function unnamedFile(folder: string): number {
  const path = freshPath(folder)
  const descriptor = openSync(path, 'wx+', 0o600)
  unlinkSync(path)
  return descriptor
}

/** Brings a stream here. Throws where it ends with an error, is too large, or the disk is full; nothing is left then. */
export async function spool(
  name: string,
  stream: AsyncIterable<Uint8Array>,
  settings: SpoolSettings,
  { signal, expected, advance }: Receiving,
): Promise<Spooled> {
  const { folder, limit } = settings
  if (expected !== undefined && expected > limit) throw tooLarge(name, limit)
  let file: FileHandle | undefined
  try {
    file = await unnamed(folder)
    await checkRoom(name, folder, expected ?? 0)
    const into = new Spool(name, settings, file)
    let done = 0
    for await (const piece of stream) {
      if (signal.aborted) throw new SalvorError('INTERRUPTED', 'interrupted')
      await into.append(piece)
      done += piece.length
      advance?.(done)
    }
    if (signal.aborted) throw new SalvorError('INTERRUPTED', 'interrupted')
    const { bytes, sha256 } = await into.finish()
    const opened = file
    return { path: `/proc/self/fd/${opened.fd}`, bytes, sha256, close: () => opened.close() }
  } catch (error) {
    await file?.close()
    throw spoolFailure(name, folder, error)
  }
}
