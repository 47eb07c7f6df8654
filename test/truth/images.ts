/** The shared images with their recorded truth, and other formats of the same memory made from them. */

import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, renameSync, writeSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { sampleImage } from '../../dist/src/sample.js'

export interface TruthTask {
  tid: number
  comm: string
  state: string
  ppid: number
  tgid: number
  kthread: boolean
  num_threads: number
  starttime_ticks: number
  uids: number[]
  gids: number[]
  nspid: number[]
  seccomp: string
  caps: Record<string, string>
  ns: Record<string, number>
  cgroup: string[]
}

export interface TruthProcess extends TruthTask {
  pid: number
  cmdline: string[]
  exe: string | null
  collector: boolean
  threads: TruthTask[]
}

export interface OracleTask {
  addr: string
  pid: number
  tgid: number
  comm: string
}

/** What a shared image's notes say moved between the record and the stop. */
interface Moved {
  /** Processes of the record that may be gone. */
  gone: number[]
  /** Processes that came after the record. */
  came: number[]
}

const MOVED: Record<string, Moved> = {
  'docker-debian12': { gone: [448, 452, 1882], came: [2100] },
  'k8s-debian13': { gone: [423, 2259, 2277], came: [2601, 2593] },
  'podman-debian11': { gone: [], came: [3837] },
  'docker-debian13-la57': { gone: [], came: [1757, 1759] },
}

const SHARED = ['docker-debian12', 'k8s-debian13']
/** Kernel 6.1 with Docker; 6.12 with Docker and 5 page-table levels; 5.10 with podman, crun and hybrid cgroup v1. */
const SAMPLES = ['docker-debian12', 'docker-debian13-la57', 'podman-debian11']

export type Format = 'elf' | 'raw' | 'lime'

export const IMAGES = process.env.SALVOR_IMAGES ?? join(homedir(), '.cache', 'salvor-images')

/** An image with its recorded truth beside it. */
export class TruthImage {
  readonly name: string
  readonly folder: string
  /** The formats in which there is its memory, the first of them the one it was taken in. */
  readonly formats: readonly Format[]

  readonly #sample: boolean

  constructor(name: string, folder: string, formats: readonly Format[], sample = false) {
    this.name = name
    this.folder = folder
    this.formats = formats
    this.#sample = sample
  }

  /** What the suites are called by. */
  get title(): string {
    return this.#sample ? `the sample ${this.name}` : this.name
  }

  /** Whether the guest recorded a file of this name. */
  has(file: string): boolean {
    return existsSync(join(this.folder, 'truth', file))
  }

  truth<T>(file: string): T {
    return JSON.parse(readFileSync(join(this.folder, 'truth', file), 'utf8')) as T
  }

  /** What another tool read from the same memory; its addresses are too large for numbers and become text. */
  oracle(): { tasks: OracleTask[]; vmcoreinfo: string } {
    return JSON.parse(this.text('oracle.json').replace(/: (\d{16,})/g, ': "$1"'))
  }

  /** A file of the truth as text. */
  text(file: string): string {
    return readFileSync(join(this.folder, 'truth', file), 'utf8')
  }

  get moved(): Moved {
    return MOVED[this.name] ?? { gone: [], came: [] }
  }

  /** Processes of the record that were still there when memory was taken. */
  processes(): TruthProcess[] {
    const all = this.truth<TruthProcess[]>('processes.json')
    return all.filter(({ pid, collector }) => !collector && !this.moved.gone.includes(pid))
  }

  /** The same memory in another format, made once beside the image. */
  as(format: Format): string {
    if (this.#sample) return sampleImage(this.name)
    const path = join(this.folder, `memory.${format}`)
    if (!existsSync(path)) convert(join(this.folder, 'memory.elf'), path, format)
    return path
  }
}

/** The embedded samples, which are always there. */
export function samples(): TruthImage[] {
  const folder = join(import.meta.dirname, '..', 'samples')
  return SAMPLES.map((name) => new TruthImage(name, join(folder, name), ['lime'], true))
}

/** The images that are there; says so on stderr where one is missing. */
export function sharedImages(): TruthImage[] {
  return SHARED.map((name) => new TruthImage(name, join(IMAGES, name), ['elf', 'raw', 'lime'])).filter(
    ({ name, folder }) => {
      const there = existsSync(join(folder, '.complete'))
      if (!there) console.error(`skipped: the shared image ${name} is not unpacked in SALVOR_IMAGES (${IMAGES})`)
      return there
    },
  )
}

/** Copies the segments of an ELF core into a raw or LiME file. */
function convert(from: string, to: string, format: string): void {
  const partial = `${to}.${process.pid}.part`
  const source = openSync(from, 'r')
  const target = openSync(partial, 'wx')
  let end = 0
  for (const { physical, offset, size } of segments(source)) {
    if (format === 'lime') {
      const header = Buffer.alloc(32)
      header.writeUInt32LE(0x4c694d45, 0)
      header.writeUInt32LE(1, 4)
      header.writeBigUInt64LE(BigInt(physical), 8)
      header.writeBigUInt64LE(BigInt(physical + size - 1), 16)
      end += writeSync(target, header, 0, 32, end)
    } else {
      end = physical
    }
    const block = Buffer.alloc(16 << 20)
    for (let done = 0; done < size; ) {
      const length = readSync(source, block, 0, Math.min(block.length, size - done), offset + done)
      end += writeSync(target, block, 0, length, end)
      done += length
    }
  }
  closeSync(source)
  closeSync(target)
  renameSync(partial, to)
}

function segments(file: number): { physical: number; offset: number; size: number }[] {
  const header = Buffer.alloc(4096)
  readSync(file, header, 0, header.length, 0)
  const at = Number(header.readBigUInt64LE(32))
  const count = header.readUInt16LE(56)
  return Array.from({ length: count }, (_, index) => at + index * 56)
    .filter((entry) => header.readUInt32LE(entry) === 1)
    .map((entry) => ({
      physical: Number(header.readBigUInt64LE(entry + 24)),
      offset: Number(header.readBigUInt64LE(entry + 8)),
      size: Number(header.readBigUInt64LE(entry + 32)),
    }))
    .sort((left, right) => left.physical - right.physical)
}

export interface Table {
  table: string
  image: string
  rows: Record<string, unknown>[]
  warnings: { code: string; message: string }[]
}

export const SALVOR = join(import.meta.dirname, '../../bin/salvor.cjs')

/** Runs salvor for one table over one image and returns what it printed. */
export function table(analyzer: string, image: string, ...options: string[]): Table {
  return JSON.parse(text(analyzer, image, ...options)) as Table
}

/** The same as the bytes that it printed. */
export function text(analyzer: string, image: string, ...options: string[]): string {
  return execFileSync(process.execPath, [SALVOR, analyzer, image, '--format', 'json', '--quiet', ...options], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    env: { ...process.env, XDG_CACHE_HOME: cacheHome() },
  })
}

/** A cache of the tests' own, so that a run neither uses nor leaves anything in the user's. */
export function cacheHome(): string {
  const folder = join(tmpdir(), 'salvor-test-cache')
  mkdirSync(folder, { recursive: true })
  return folder
}
