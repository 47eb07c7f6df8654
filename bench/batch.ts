/**
 * What a batch costs beside the runs that it is made of: `npm run bench:batch [IMAGES] [samples] [shared] [queries] [sparse]`.
 *
 * Every table of small images, and of the shared ones where they are, and the quick profile of those, by `batch` with one
 * worker and by `run` one after the other, in turns; each table's rows go to a file in both. A batch hashes the images besides, which `openssl` does for
 * the single runs where it is there: told with and without. In processor time, for what else the machine does is no
 * cost of a batch, and by the clock. Two workers, which a batch keeps to two processors, are held against one on one, one image
 * at a time on both, and half of all the processor's time that they take, which is the best that can be had. The clock means
 * something only where two processors have nothing else to do. Then queries over a case of 1,000 images with 500 processes each, and the memory that a sparse
 * image of 64 GiB takes. What it printed, and when, stands in docs/batch.md.
 */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ProfileName, profile as profileOf } from '../dist/src/batch/profiles.js'
import { RowsFile } from '../dist/src/case/rows-file.js'
import { CaseStore } from '../dist/src/case/store.js'
import { Registry } from '../dist/src/engine/registry.js'
import { sha256Of } from '../dist/src/file-hash.js'
import { sampleImage } from '../dist/src/sample.js'
import { has, measure, median, ROOT, type Run, SALVOR, seconds } from './measure.js'
import { measureSparse } from './sparse.js'

const words = process.argv.slice(2)
const IMAGES = Number(words.find((word) => /^\d+$/.test(word)) ?? 8)
const parts = words.filter((word) => !/^\d+$/.test(word))
const isAsked = (part: string): boolean => parts.length === 0 || parts.includes(part)
const ROUNDS = 3
/** Where the header of LiME's first range has bytes that mean nothing. */
const RESERVED = 24
const HOSTS = 1000
const PROCESSES = 500
const MOST_RATIO = 1.15
/** Two workers' time by the clock: of one worker's, and of half of what both processors did. */
const MOST_OF_ONE = 0.6
const MOST_OF_HALF = 1.1
const registry = Registry.builtin()
const HASHES = has('openssl')

const folder = mkdtempSync(join(tmpdir(), 'salvor-bench-'))
const caseFolder = join(folder, 'case')

/** Runs to the end; an image that is read in part ends with 5 or 6. */
function ran(...args: string[]): Run {
  const run = measure([...SALVOR, ...args, '-q'])
  if (![0, 5, 6].includes(run.code ?? -1)) throw new Error(`salvor ${args.join(' ')} ended with ${run.code}`)
  return run
}

function batch(images: readonly string[], profile: ProfileName, workers: number, threads = 1): Run {
  rmSync(caseFolder, { recursive: true, force: true })
  const how = ['--profile', profile, '--workers', String(workers), '--threads', String(threads)]
  return ran('batch', ...images, '--case', caseFolder, ...how)
}

function singles(images: readonly string[], profile: ProfileName): Run {
  const output = join(folder, 'rows.ndjson')
  const tables = profile === 'full' ? ['all'] : profileOf(profile, registry).map(({ name }) => name)
  const runs = images.map((image) =>
    ran('run', ...tables, image, '-f', 'ndjson', '-o', output, '--force', '--threads', '1'),
  )
  const sum = (name: 'cpu' | 'wall'): number => runs.reduce((total, run) => total + run[name], 0)
  return { cpu: sum('cpu'), wall: sum('wall'), code: 0 }
}

/** What hashing the images takes by itself; nothing where there is no openssl. */
function hashes(images: readonly string[]): number {
  if (!HASHES) return 0
  return images.reduce((sum, image) => sum + measure(['openssl', 'dgst', '-sha256', image]).cpu, 0)
}

function compared(what: string, images: readonly string[], profile: ProfileName = 'full'): Record<string, number> {
  // Symbols are in the cache then, for all alike.
  singles(images, profile)
  const rounds = Array.from({ length: ROUNDS }, () => ({
    single: singles(images, profile),
    hash: hashes(images),
    one: batch(images, profile, 1),
    two: batch(images, profile, 2),
    both: batch(images, profile, 1, 2),
  }))
  const of = (value: (round: (typeof rounds)[number]) => number): number => median(rounds.map(value))
  const results = {
    single: of(({ single }) => single.cpu),
    hash: of(({ hash }) => hash),
    one: of(({ one }) => one.cpu),
    ratio: of(({ single, one }) => one.cpu / single.cpu),
    clock: of(({ single, one }) => one.wall / single.wall),
    hashed: of(({ single, hash, one }) => one.cpu / (single.cpu + hash)),
    workers: of(({ one, two }) => two.wall / one.wall),
    busy: of(({ one }) => one.cpu / one.wall),
    half: of(({ two }) => two.wall / (two.cpu / 2)),
    both: of(({ two, both }) => two.wall / both.wall),
  }
  console.log(`${what}, ${images.length} images`)
  console.log(`${seconds(results.single)}  s of processor: single runs`)
  console.log(`${seconds(results.one)}  s of processor: a batch`)
  console.log(`${seconds(results.ratio)}  times the single runs (at most ${MOST_RATIO})`)
  console.log(`${seconds(results.clock)}  times the single runs by the clock (at most ${MOST_RATIO})`)
  if (HASHES) {
    console.log(`${seconds(results.hash)}  s of processor: the images hashed by openssl`)
    console.log(`${seconds(results.hashed)}  times the single runs and these hashes (at most ${MOST_RATIO})`)
  }
  console.log(`${seconds(results.busy)}  processors that one worker keeps busy`)
  console.log(`${seconds(results.workers)}  of its time by the clock with two workers (at most ${MOST_OF_ONE})`)
  console.log(
    `${seconds(results.half)}  times half of what two workers take of two processors (at most ${MOST_OF_HALF})`,
  )
  console.log(`${seconds(results.both)}  of the time of one worker with --threads 2`)
  return results
}

/** Small images of one sample, each another file. */
function samples(): string[] {
  const whole = readFileSync(sampleImage('docker-debian12'))
  return Array.from({ length: IMAGES }, (_, index) => {
    const path = join(folder, `host-${index}.lime`)
    whole.writeUInt32LE(index + 1, RESERVED)
    writeFileSync(path, whole)
    return path
  })
}

function shared(): string[] {
  const images = process.env.SALVOR_IMAGES ?? join(homedir(), '.cache', 'salvor-images')
  const names = ['docker-debian12', 'k8s-debian13'].flatMap((host) => [`${host}/memory.elf`, `${host}/memory.lime`])
  return names.map((name) => join(images, name)).filter((path) => existsSync(path))
}

/** A case of many hosts that run the same programs, and one each that no other does. */
async function fleet(): Promise<void> {
  rmSync(caseFolder, { recursive: true, force: true })
  const { columns, key } = registry.get('processes')
  const store = await CaseStore.write(caseFolder)
  try {
    for (let host = 0; host < HOSTS; host++) {
      const file = join(folder, `processes-${host}`)
      const rows = new RowsFile(file, columns)
      const row = (make: (index: number) => string | number | boolean) =>
        Array.from({ length: PROCESSES }, (_, i) => make(i))
      const program = (index: number): string => (index === 0 ? `/opt/only-${host}` : `/usr/bin/program-${index % 97}`)
      const values = {
        pid: row((i) => i + 1),
        comm: row((i) => `program-${i % 97}`),
        exe: row(program),
        kernel_thread: row(() => false),
      }
      rows.write({ length: PROCESSES, columns: values })
      const { sha256 } = rows.close('processes')
      await store.add({ path: `/images/${host}`, bytes: 1, modified: 1n, settings: 's' }, recordOf(host, sha256), [
        { analyzer: 'processes', columns, key: key ?? [], file },
      ])
      rmSync(file)
    }
  } finally {
    store.close()
  }
}

function recordOf(host: number, sha256: string): Parameters<CaseStore['add']>[1] {
  return {
    job: sha256Of(String(host)),
    files: [],
    sha256: sha256Of(`image ${host}`),
    tool: { name: 'salvor', version: 'bench' },
    settings: {},
    kernel: null,
    state: 'complete',
    exit_code: 0,
    error: null,
    tables: [{ table: 'processes', columns: ['pid', 'comm', 'exe', 'kernel_thread'], rows: PROCESSES, sha256 }],
    warnings: [],
    started: '',
    ended: '',
  }
}

function query(what: string, ...sql: string[]): number {
  const { wall, cpu } = ran('sql', caseFolder, ...sql)
  console.log(`${seconds(wall)}  s by the clock, ${seconds(cpu).trim()} of processor: ${what}`)
  return wall
}

try {
  const results: Record<string, unknown> = {}
  if (isAsked('samples')) results.samples = compared('samples', samples())
  const whole = isAsked('shared') ? shared() : []
  if (whole.length > 0) {
    results.shared = compared('shared images', whole)
    results.quick = compared('shared images, the quick profile', whole, 'quick')
  } else if (isAsked('shared')) console.log('there are no shared images: they are not measured')
  if (isAsked('queries')) {
    await fleet()
    console.log(`a case of ${HOSTS} images with ${PROCESSES} processes each`)
    results.queries = {
      programs: query(
        'programs by hosts',
        'SELECT exe, count(DISTINCT image_id) FROM processes GROUP BY exe ORDER BY 2, 1 LIMIT 20',
      ),
      rare: query('rare-programs', '--saved', 'rare-programs'),
      one: query('the processes of one program', "SELECT image_id, pid FROM processes WHERE exe = '/opt/only-500'"),
    }
  }
  if (isAsked('sparse')) results.sparse = await measureSparse(shared()[0] ?? sampleImage('docker-debian12'), folder)
  mkdirSync(join(ROOT, 'bench', 'results'), { recursive: true })
  const time = new Date().toISOString().replaceAll(':', '-')
  writeFileSync(join(ROOT, 'bench', 'results', `batch-${time}.json`), JSON.stringify(results, null, 1))
} finally {
  rmSync(folder, { recursive: true })
}
