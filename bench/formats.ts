/**
 * Processor time of `processes` on one image in every form that it can be packed in, beside its time on the same memory raw:
 * `npm run bench:formats IMAGE`. Of what is unpacked into the cache folder, the first opening and those after it.
 *
 * Forms are made beside the results in a folder that is removed: `--folder PATH` says where, for there must be room for
 * several copies. What is packed as a whole is LiME, for raw memory is mostly holes. A tool that is not installed leaves its form out. Each number is the least of three runs; a first opening
 * is measured once, after the cache of symbols was filled. Results go to bench/results/formats-<time>.json.
 */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { withMemory } from '../test/truth/formats.js'
import { writeKdump } from '../test/truth/packed.js'
import { measure, ROOT, SALVOR, seconds } from './measure.js'

const RUNS = 3
const MIB = 2 ** 20
const RESULTS = join(ROOT, 'bench', 'results')

interface Form {
  readonly name: string
  readonly file: string
  /** Unpacked as a whole when it is opened for the first time. */
  readonly whole?: boolean
  readonly make: (to: string, lime: string, image: string) => boolean
}

interface Result {
  name: string
  mib: number
  first: number
  later: number
}

function made(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0
}

/** By a tool that writes to its standard output. */
function packed(to: string, tool: string, ...args: string[]): boolean {
  return made('sh', '-c', `exec "$@" > ${JSON.stringify(to)}`, 'pack', tool, ...args)
}

const convert = (to: string, image: string, format: string): boolean => {
  const [node = '', script = ''] = SALVOR
  return made(node, script, 'convert', image, to, '--format', format, '-q')
}

/** What uname calls the processor of the host, which a dump names. */
function machineOf(image: string): string {
  const [node = '', script = ''] = SALVOR
  const { stdout } = spawnSync(node, [script, 'info', image, '-f', 'json', '-q'], { encoding: 'utf8' })
  const [info] = (JSON.parse(stdout) as { rows: { architecture: string }[] }).rows
  return info?.architecture ?? ''
}

const FORMS: readonly Form[] = [
  { name: 'avml', file: 'memory.avml', make: (to, _lime, image) => convert(to, image, 'avml') },
  {
    name: 'kdump (zlib)',
    file: 'memory.kdump',
    make: (to, _lime, image) => {
      withMemory(image, (memory) => writeKdump(to, memory, undefined, machineOf(image)))
      return true
    },
  },
  { name: 'gz', file: 'memory.lime.gz', whole: true, make: (to, lime) => packed(to, 'gzip', '-1', '-c', lime) },
  { name: 'lz4', file: 'memory.lime.lz4', whole: true, make: (to, lime) => packed(to, 'lz4', '-q', '-c', lime) },
  { name: 'zst', file: 'memory.lime.zst', whole: true, make: (to, lime) => packed(to, 'zstd', '-q', '-c', lime) },
  { name: 'xz', file: 'memory.lime.xz', whole: true, make: (to, lime) => packed(to, 'xz', '-1', '-T0', '-c', lime) },
]

function cpu(image: string, cache: string): number {
  const { cpu, code } = measure([...SALVOR, 'processes', image, '-f', 'ndjson', '-q', '--cache-dir', cache])
  if (code !== 0) throw new Error(`processes of ${image} ended with ${code}`)
  return cpu
}

function least(image: string, cache: string): number {
  return Math.min(...Array.from({ length: RUNS }, () => cpu(image, cache)))
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { folder: { type: 'string' } } })
const image = positionals[0]
if (image === undefined) throw new Error('name an image: an ELF core or a LiME file')
const folder = mkdtempSync(join(resolve(values.folder ?? tmpdir()), 'salvor-bench-'))
try {
  const raw = join(folder, 'memory.raw')
  const lime = join(folder, 'memory.lime')
  for (const [path, format] of [
    [raw, 'raw'],
    [lime, 'lime'],
  ] as const) {
    if (!convert(path, image, format)) throw new Error(`${image} cannot be converted`)
  }
  const symbols = join(folder, 'cache')
  cpu(raw, symbols)
  const results: Result[] = []
  const add = (name: string, path: string, first: number, later: number): void => {
    results.push({ name, mib: Math.round((statSync(path).blocks * 512) / MIB), first, later })
    const times = (value: number) => `${seconds(value)} ${(value / (results[0]?.later ?? value)).toFixed(1)}×`
    process.stdout.write(
      `${name.padEnd(14)}${String(results.at(-1)?.mib).padStart(6)} MiB${times(first)}${times(later)}\n`,
    )
  }
  const own = least(raw, symbols)
  add('raw', raw, own, own)
  for (const { name, file, whole, make } of FORMS) {
    const path = join(folder, file)
    if (!make(path, lime, image)) {
      process.stdout.write(`${name.padEnd(14)} left out: it cannot be made here\n`)
      continue
    }
    // Symbols are found in the cache, and nothing is unpacked yet.
    const cache = join(folder, 'own-cache')
    cpSync(symbols, cache, { recursive: true })
    const first = whole ? cpu(path, cache) : least(path, cache)
    add(name, path, first, least(path, cache))
    rmSync(cache, { recursive: true })
    rmSync(path)
  }
  mkdirSync(RESULTS, { recursive: true })
  const time = new Date().toISOString().replaceAll(/[:.]/g, '-')
  writeFileSync(join(RESULTS, `formats-${time}.json`), `${JSON.stringify({ image, results }, null, 2)}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
