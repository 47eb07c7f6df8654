/** The folder that analyzers' files go to, and the files. */

import type { Hash } from 'node:crypto'
import {
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import type { Artifact, Artifacts, ArtifactWriter } from '../api/artifacts.js'
import { SalvorError } from '../engine/errors.js'
import { makeFolder } from '../make-folder.js'
import { require } from '../require.js'
import type { Warning } from '../warning.js'
import { artifactPath, numbered } from './artifact-name.js'
import { settle } from './sink.js'
import { checkArtifactFolder, type Guard, outputFailure } from './target.js'

/** Files and bytes that one table may write. */
const MOST_FILES = 1 << 16
const MOST_BYTES = 64 * 2 ** 30
const PIECE = 1 << 20
const MANIFEST = 'SHA256SUMS'

/** Where files of one image go, in a form that crosses threads. */
export interface ArtifactPlace {
  /** The folder that --output-dir names. */
  readonly root: string
  /** The folder in it that is the image's own, where there are several; else empty. */
  readonly below: string
  /** A folder in it for what is not finished. */
  readonly unfinished: string
}

/** The folder of a run: made before the run, and left without anything unfinished after it. */
export class ArtifactFolder {
  private readonly root: string
  private readonly unfinished: string

  /** Throws where it is none that may be written to. */
  constructor(folder: string, guard: Guard) {
    checkArtifactFolder(folder, guard)
    try {
      makeFolder(folder)
      this.root = realpathSync(folder)
      this.unfinished = mkdtempSync(join(this.root, '.salvor-'))
    } catch (error) {
      throw outputFailure(folder, error)
    }
  }

  /** Makes place for one of some images. */
  place(below: string): ArtifactPlace {
    const { root, unfinished } = this
    if (below !== '') this.makeFolder(join(root, below))
    return { root, below, unfinished }
  }

  /** Writes the hashes of all files of the folder into one more, as sha256sum has them and checks them. */
  manifest(): void {
    const names = readdirSync(this.root, { recursive: true, encoding: 'utf8' }).sort()
    const unfinished = relative(this.root, this.unfinished)
    const lines = names
      .filter((name) => !name.startsWith(unfinished) && lstatSync(join(this.root, name)).isFile())
      .map((name) => hashLine(name, hashOf(join(this.root, name))))
    const file = new ArtifactFiles(this.place('')).create(MANIFEST)
    file.write(Buffer.from(lines.join('')))
    file.close()
  }

  /** Takes away what is not finished. */
  close(): void {
    try {
      rmSync(this.unfinished, { recursive: true, force: true })
    } catch {
      // A worker that is being ended has put something there meanwhile: it is taken away after the worker.
    }
  }

  private makeFolder(path: string): void {
    try {
      makeFolder(path)
    } catch (error) {
      throw outputFailure(path, error)
    }
    // A link leads elsewhere.
    if (!lstatSync(path).isDirectory()) throw new SalvorError('USAGE', `${path} is no directory, but leads to one`)
  }
}

/** The files of one table; without a place all are left out. */
export class ArtifactFiles implements Artifacts {
  private files = 0
  private bytes = 0
  private leftOut = 0
  private readonly open = new Set<ArtifactFile>()
  /** How often each name was given out. */
  private readonly names = new Map<string, number>()

  constructor(
    private readonly place: ArtifactPlace | null,
    private readonly most = { files: MOST_FILES, bytes: MOST_BYTES },
  ) {}

  create(name: string | readonly string[]): ArtifactWriter {
    const { place } = this
    if (place === null || this.files >= this.most.files) {
      if (place !== null) this.leftOut++
      return NOWHERE
    }
    this.files++
    const file = new ArtifactFile(join(place.unfinished, temporaryName()), {
      take: (bytes) => this.take(bytes),
      settle: (temporary) => this.settle(place, temporary, artifactPath([name].flat())),
      end: (size, how) => {
        this.open.delete(file)
        if (how !== 'kept') this.bytes -= size
        if (how === 'left out') this.leftOut++
      },
    })
    this.open.add(file)
    return file
  }

  /** Leaves nothing of the files that were not closed, and tells what was left out. */
  end(): Warning[] {
    for (const file of this.open) file.abort()
    if (this.leftOut === 0) return []
    const message = `files beyond the first ${this.most.files}, or ${this.most.bytes} bytes, are not written`
    return [{ code: 'cap', message, count: this.leftOut }]
  }

  /** Whether there is room for more bytes. */
  private take(bytes: number): boolean {
    if (this.bytes + bytes > this.most.bytes) return false
    this.bytes += bytes
    return true
  }

  /** Puts a finished file under the first name that is free. */
  private settle({ root, below }: ArtifactPlace, temporary: string, path: readonly string[]): string {
    const folder = path.slice(0, -1).reduce((above, name) => folderIn(root, above, name), below)
    const wanted = join(folder, path.at(-1) ?? '')
    for (;;) {
      const count = (this.names.get(wanted) ?? 0) + 1
      this.names.set(wanted, count)
      const file = numbered(wanted, count)
      if (settle(temporary, join(root, file))) return file
    }
  }
}

/** A folder by its name in another, made where it is not there. What else has that name, a link too, is passed by. */
function folderIn(root: string, above: string, name: string): string {
  for (let count = 1; ; count++) {
    const folder = join(above, numbered(name, count))
    try {
      mkdirSync(join(root, folder))
      return folder
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if (lstatSync(join(root, folder)).isDirectory()) return folder
    }
  }
}

type Ending = 'kept' | 'left out' | 'aborted'

interface Owner {
  readonly take: (bytes: number) => boolean
  readonly settle: (temporary: string) => string
  readonly end: (size: number, how: Ending) => void
}

/** A backslash before the hash says that there are some in the name, where a line would end. */
function hashLine(name: string, hash: string): string {
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  return `${escaped === name ? '' : '\\'}${hash}  ${escaped}\n`
}

function hashOf(path: string): string {
  const descriptor = openSync(path, 'r')
  try {
    return hashPieces(descriptor, null).digest('hex')
  } finally {
    closeSync(descriptor)
  }
}

/** The hash of an open file, which is so long, or as long as it is. */
function hashPieces(descriptor: number, size: number | null): Hash {
  const hash = newHash()
  const piece = Buffer.alloc(PIECE)
  for (let at = 0; at < (size ?? Number.POSITIVE_INFINITY); ) {
    const read = readSync(descriptor, piece, 0, PIECE, at)
    if (read === 0 && size !== null) throw new Error('it was cut off while it was written')
    if (read === 0) break
    hash.update(piece.subarray(0, read))
    at += read
  }
  return hash
}

/** Few runs write files, and loading this takes a while. */
function newHash(): Hash {
  const { createHash } = require('node:crypto') as typeof import('node:crypto')
  return createHash('sha256')
}

let made = 0

/** Threads of one process share the folder: each counts by itself. */
function temporaryName(): string {
  return `${process.hrtime.bigint()}-${made++}`
}

class ArtifactFile implements ArtifactWriter {
  private readonly descriptor: number
  private hash: Hash | null = newHash()
  private at = 0
  private size = 0
  private state: 'open' | 'full' | 'ended' = 'open'

  constructor(
    private readonly temporary: string,
    private readonly owner: Owner,
  ) {
    this.descriptor = this.attempt(() => openSync(temporary, 'wx+', 0o666))
  }

  write(bytes: Uint8Array): void {
    this.writeAt(this.at, bytes)
  }

  writeAt(offset: number, bytes: Uint8Array): void {
    if (this.state === 'ended') throw new Error('the file is closed')
    if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`no place in a file: ${offset}`)
    this.at = offset + bytes.length
    if (this.state === 'full') return
    if (this.at > this.size && !this.owner.take(this.at - this.size)) {
      this.state = 'full'
      return
    }
    // What is not written in order is hashed when it is all there.
    if (offset !== this.size) this.hash = null
    this.hash?.update(bytes)
    this.attempt(() => {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.descriptor, bytes, done, bytes.length - done, offset + done)
      }
    })
    this.size = Math.max(this.size, this.at)
  }

  close(): Artifact | null {
    if (this.state === 'ended') throw new Error('the file is closed')
    if (this.state === 'full') {
      this.drop('left out')
      return null
    }
    return this.attempt(() => {
      ftruncateSync(this.descriptor, this.size)
      const sha256 = (this.hash ?? this.rehash()).digest('hex')
      const file = this.owner.settle(this.temporary)
      this.end('kept')
      return { file, bytes: this.size, sha256 }
    })
  }

  abort(): void {
    if (this.state !== 'ended') this.drop('aborted')
  }

  private drop(how: Ending): void {
    rmSync(this.temporary, { force: true })
    this.end(how)
  }

  private end(how: Ending): void {
    this.state = 'ended'
    closeSync(this.descriptor)
    this.owner.end(this.size, how)
  }

  private rehash(): Hash {
    return hashPieces(this.descriptor, this.size)
  }

  private attempt<T>(step: () => T): T {
    try {
      return step()
    } catch (error) {
      throw outputFailure('a file of an analyzer', error)
    }
  }
}

/** Where a file goes that nobody wants. */
const NOWHERE: ArtifactWriter = { write() {}, writeAt() {}, close: () => null, abort() {} }
