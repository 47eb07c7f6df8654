import {
  closeSync,
  constants,
  createWriteStream,
  fchmodSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Writable } from 'node:stream'
import { SalvorError, toFailure } from '../engine/errors.js'
import { require } from '../require.js'
import { checkTarget, descriptorOf, type Guard, isStream, isThere, outputFailure, refuseExisting } from './target.js'

/** Where output text goes. Whatever fails is told as one line. */
export interface Sink {
  /** Resolves when more may be written. */
  write(text: string): Promise<void>
  /** Makes what was written final. */
  commit(): Promise<void>
  /** Leaves nothing behind. */
  abort(): void
}

/** Opens what --output names: a file that is to appear, or something that is written to as it is. */
export function openSink(path: string, guard: Guard, stdout: Writable): Sink {
  checkTarget(path, guard)
  const descriptor = descriptorOf(path)
  if (descriptor === 1) return new StreamSink(stdout)
  if (descriptor === 2) return new StreamSink(process.stderr)
  if (!isStream(path)) return new FileSink(path, guard)
  // Without O_CREAT: what was a device a moment ago must not become a file.
  const how = descriptor === undefined ? { flags: constants.O_WRONLY } : { fd: descriptor, autoClose: false }
  // @types/node knows flags by name only.
  return new DeviceSink(path, createWriteStream(path, how as { fd: number }))
}

/** Resolves when a stream takes more, or never will. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off('drain', settle).off('close', settle).off('error', settle)
      resolve()
    }
    stream.on('drain', settle).on('close', settle).on('error', settle)
  })
}

/** Standard output: what was written cannot be taken back, and its errors are heard by the process (src/cli/process.ts). */
export class StreamSink implements Sink {
  constructor(private readonly stream: Writable) {}

  async write(text: string): Promise<void> {
    if (text !== '' && !this.stream.write(text)) await drained(this.stream)
  }

  commit(): Promise<void> {
    // A write's callback comes after everything before it is out.
    return new Promise((resolve) => {
      this.stream.write('', () => resolve())
    })
  }

  abort(): void {}
}

/** A device or a pipe that was opened by its name. */
class DeviceSink implements Sink {
  private failure: Error | undefined

  constructor(
    private readonly name: string,
    private readonly stream: Writable,
  ) {
    stream.on('error', (error) => {
      this.failure ??= error
    })
  }

  async write(text: string): Promise<void> {
    this.check()
    if (text !== '' && !this.stream.write(text)) await drained(this.stream)
    this.check()
  }

  async commit(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.stream.on('error', () => resolve()).end(() => resolve())
    })
    this.check()
  }

  abort(): void {
    this.stream.destroy()
  }

  private check(): void {
    if (this.failure !== undefined) throw outputFailure(this.name, this.failure)
  }
}

/** A file that appears whole under its name, or not at all. */
export class FileSink implements Sink {
  private readonly file: AtomicFile
  private readonly descriptor: number
  private open = true

  constructor(target: string, guard: Guard) {
    this.file = new AtomicFile(target, guard)
    this.descriptor = this.file.attempt(() => openSync(this.file.temporary, 'wx', 0o600))
  }

  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text)
    this.file.attempt(() => {
      for (let offset = 0; offset < bytes.length; ) offset += writeSync(this.descriptor, bytes, offset)
    })
  }

  async commit(): Promise<void> {
    this.file.attempt(() => this.close())
    this.file.commit()
  }

  abort(): void {
    this.close()
    this.file.abort()
  }

  private close(): void {
    if (!this.open) return
    this.open = false
    closeSync(this.descriptor)
  }
}

/** Errors of file systems that have no modes or no hard links. */
const unsupported: ReadonlySet<unknown> = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'])

/** What the system does not do here is left; every other error is thrown. Answers whether it was done. */
function ifSupported(action: () => void): boolean {
  try {
    action()
    return true
  } catch (error) {
    if (unsupported.has((error as NodeJS.ErrnoException).code)) return false
    throw error
  }
}

/**
 * A temporary name beside a target, for a writer that wants a path of its own. The writer creates it exclusively and for
 * the owner alone; the target's mode comes when the file takes its place.
 */
export class AtomicFile {
  readonly temporary: string
  private readonly place: string
  private readonly mode: number

  /** Throws when the target is none that may be written. */
  constructor(
    private readonly target: string,
    private readonly guard: Guard,
  ) {
    checkTarget(target, guard)
    if (isStream(target)) throw new SalvorError('USAGE', `${target} is a device or a pipe: name a file`)
    const found = statSync(target, { throwIfNoEntry: false })
    // What a symbolic link leads to is replaced, and not the link.
    this.place = found === undefined ? target : realpathSync(target)
    this.mode = found === undefined ? 0o666 & ~process.umask() : found.mode & 0o777
    // Loaded when a file is written: it costs a short run more than the run's own code.
    const { randomBytes } = require('node:crypto') as typeof import('node:crypto')
    this.temporary = join(dirname(this.place), `.salvor-${randomBytes(8).toString('hex')}.part`)
  }

  /** Puts the finished file in the target's place, with its contents on disk first. */
  commit(): void {
    this.attempt(() => {
      const descriptor = openSync(this.temporary, constants.O_RDWR | constants.O_NOFOLLOW)
      try {
        ifSupported(() => fchmodSync(descriptor, this.mode))
        fsyncSync(descriptor)
      } finally {
        closeSync(descriptor)
      }
      this.guard.inputs.refuse(this.target)
      if (this.guard.force) renameSync(this.temporary, this.place)
      else this.create()
    })
  }

  abort(): void {
    rmSync(this.temporary, { force: true })
  }

  /** Does a step of writing; what fails is told of the target, and leaves nothing behind. */
  attempt<T>(step: () => T): T {
    try {
      return step()
    } catch (error) {
      this.abort()
      throw outputFailure(this.target, error)
    }
  }

  /** Has others write to the temporary name; nobody knows that one, so that a failure tells of the target. */
  async filledBy<T>(write: (temporary: string) => Promise<T>): Promise<T> {
    try {
      return await write(this.temporary)
    } catch (error) {
      const { code, message } = toFailure(error)
      throw new SalvorError(code, message.replaceAll(this.temporary, this.target), { cause: error })
    }
  }

  private create(): void {
    if (!settle(this.temporary, this.place)) refuseExisting(this.target)
  }
}

/**
 * Puts a finished file where nothing is; false where something is. A link, unlike a rename, does not replace a file that
 * has appeared since.
 */
export function settle(temporary: string, place: string): boolean {
  try {
    if (ifSupported(() => linkSync(temporary, place))) {
      rmSync(temporary)
      return true
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  if (isThere(place)) return false
  renameSync(temporary, place)
  return true
}
