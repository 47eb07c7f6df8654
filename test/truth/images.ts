/** The embedded samples and the shared images, with what their guests recorded. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { convert, type Format } from './formats.js'

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
  'ctr-debian13-arm64': { gone: [], came: [769, 770] },
}

const SHARED = ['docker-debian12', 'k8s-debian13']
/** Kernel 6.1 with Docker; 6.12 with Docker and 5 page-table levels; 5.10 with podman, crun and hybrid cgroup v1. */
const SAMPLES = ['docker-debian12', 'docker-debian13-la57', 'podman-debian11']

const IMAGES = process.env.SALVOR_IMAGES ?? join(homedir(), '.cache', 'salvor-images')

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

  /** What the suites are called by: `npm test -- --shared` chooses by it. */
  get title(): string {
    return this.#sample ? `the sample ${this.name}` : `the shared image ${this.name}`
  }

  /** Whether it is of a guest that did little: five containers of one program each. */
  get isSmall(): boolean {
    return this.name === 'ctr-debian13-arm64'
  }

  /** Whether it is a shared image that is not there. */
  get missing(): boolean {
    return !this.#sample && !existsSync(join(this.folder, '.complete'))
  }

  /** Skips every test of the suite that calls it where the image is missing. */
  require(): void {
    beforeEach(({ skip }) => skip(this.missing, `${this.title} is not in SALVOR_IMAGES`))
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

  /**
   * Processes of the record that were still there, with what tables of their parts are held against; of a sample's it is of
   * some, in a file of its own.
   */
  parts<T>(file: string): T[] {
    const processes: { pid: number }[] = this.has(file) ? this.truth(file) : this.processes()
    return processes.filter(({ pid }) => !this.moved.gone.includes(pid)) as unknown[] as T[]
  }

  /** The same memory in another format, made once beside the image. */
  as(format: Format): string {
    const taken = this.#sample ? sampleImage(this.name) : join(this.folder, 'memory.elf')
    const path = taken.replace(/[^.]+$/, format)
    if (!existsSync(path)) convert(taken, path, format)
    return path
  }
}

/** The embedded samples, which are always there. */
export function samples(): TruthImage[] {
  const folder = join(import.meta.dirname, '..', 'samples')
  return SAMPLES.map((name) => new TruthImage(name, join(folder, name), ['lime', 'elf', 'raw', 'avml', 'kdump'], true))
}

/** A sample of arm64, kernel 6.12 with bare containerd: of the tables that are held against it. */
export function armSamples(): TruthImage[] {
  const name = 'ctr-debian13-arm64'
  const folder = join(import.meta.dirname, '..', 'samples', name)
  // What the tests write as ELF and kdump is of x86-64.
  return [new TruthImage(name, folder, ['lime', 'raw', 'avml'], true)]
}

/**
 * Samples of kernel 6.12 with every engine (scripts/engines): of the tables that say who runs in whose containers. In the one
 * CRI-O has pods with containers; in the other Docker runs in Docker, and most files have left the page cache.
 */
export function engineSamples(): TruthImage[] {
  const folder = join(import.meta.dirname, '..', 'samples')
  return ['engines-debian13', 'engines-debian13-dind'].map(
    (name) => new TruthImage(name, join(folder, name), ['lime', 'raw'], true),
  )
}

/**
 * A sample of kernel 6.12 with Docker, Docker in Docker and runc and crun by hand (scripts/engines): of the tables that say
 * what was declared of containers and what differs.
 */
export function nestedSample(): TruthImage {
  const name = 'engines-debian13-nested'
  return new TruthImage(name, join(import.meta.dirname, '..', 'samples', name), ['lime', 'raw'], true)
}

/** A sample of kernel 6.12 with Docker 26, whose page cache was dropped after its containers had started (scripts/engines). */
export function droppedSample(): TruthImage {
  const name = 'docker-debian13-dropped'
  return new TruthImage(name, join(import.meta.dirname, '..', 'samples', name), ['lime', 'raw'], true)
}

/** A shared image, also where it is not there: suites of it skip, see `require`. */
export function sharedImage(name: string): TruthImage {
  return new TruthImage(name, join(IMAGES, name), ['elf', 'raw', 'lime', 'avml', 'kdump'])
}

export function sharedImages(): TruthImage[] {
  return SHARED.map(sharedImage)
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

/** The same for an image of which not all can be believed or read: exit code 5. */
export function partialTable(analyzer: string, image: string): Table {
  const args = [SALVOR, analyzer, image, '--format', 'json', '--quiet']
  const env = { ...process.env, XDG_CACHE_HOME: cacheHome() }
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 30, env })
  if (status !== 5) throw new Error(`${analyzer} ended with ${status}, and not as a partial table does`)
  return JSON.parse(stdout) as Table
}

/**
 * Tables that these samples were made without a page of: where the file system of namespaces is, areas of the address space,
 * and layers in which an engine within a container keeps its files. Their rows are whole all the same, and the run says that it
 * is not.
 */
const LACKING: Readonly<Record<string, readonly string[]>> = {
  'docker-debian12': ['modules'],
  'docker-debian13-la57': ['namespaces'],
  'podman-debian11': ['namespaces'],
  'engines-debian13-dind': ['containers', 'interfaces'],
}
const PARTIAL = 5

/** The same as the bytes that it printed. */
export function text(analyzer: string, image: string, ...options: string[]): string {
  const args = [SALVOR, analyzer, image, '--format', 'json', '--quiet', ...options]
  const env = { ...process.env, XDG_CACHE_HOME: cacheHome() }
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 30, env })
  const lacks = Object.entries(LACKING).some(([name, tables]) => image.includes(name) && tables.includes(analyzer))
  const fine = status === 0 || (lacks && status === PARTIAL)
  if (!fine) throw new Error(`${analyzer} of ${image} ended with ${status}: ${stderr}`)
  return stdout
}

/** A cache of the tests' own, so that a run neither uses nor leaves anything in the user's. */
export function cacheHome(): string {
  const folder = join(tmpdir(), 'salvor-test-cache')
  mkdirSync(folder, { recursive: true })
  return folder
}
