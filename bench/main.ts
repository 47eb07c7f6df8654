/**
 * Timings of the main paths over one image: `npm run bench [IMAGE]`.
 *
 * Results go to bench/results/<time>.json, in which each suite has operations per second and its error margin, so that
 * a later run on the same machine can be compared with `npm run bench -- --compare FILE`.
 */

import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import benny from 'benny'
import { backend } from '../dist/src/kernel/backend.js'
import { Kernel } from '../dist/src/kernel/kernel.js'
import { list, text } from '../dist/src/kernel/query.js'
import { sampleImage } from '../dist/src/sample.js'

const TASK = 'struct task_struct'
const CHUNK = 64 << 20
const ROOT = join(import.meta.dirname, '..')
const RESULTS = join(ROOT, 'bench', 'results')

/** Operations per second by name, and what one operation is. */
interface Result {
  name: string
  operations_per_second: number
  margin_percent: number
  /** What an operation stands for, where it is more than itself: rows, or bytes. */
  amount: number
  unit: string
}

interface Case {
  name: string
  amount: number
  unit: string
  run: () => void
}

function open(image: string, cacheDir: string | null): Kernel {
  return Kernel.attach(Kernel.open(image, { cacheDir }).id, ({ message }) => console.error(message))
}

function cases(image: string, cache: string): Case[] {
  const kernel = open(image, cache)
  const addresses = kernel
    .symbol('init_task', TASK)
    .walk(list('tasks', TASK, 'tasks'))
    .select({}).addresses
  const many = BigUint64Array.from({ length: 20_000 }, (_, index) => addresses[index % addresses.length] ?? 0n)
  const select = { pid: 'pid', comm: text('comm'), uid: 'real_cred->uid.val', parent: 'real_parent->tgid' }
  const chunks = backend.chunks(kernel.id, CHUNK)
  const size = chunks.reduce((sum, word, index) => sum + (index % 2 === 1 ? Number(word) : 0), 0)
  const salvor = (...options: string[]) =>
    execFileSync(
      process.execPath,
      [join(ROOT, 'bin', 'salvor.cjs'), 'processes', image, '--format', 'ndjson', '--quiet', ...options],
      {
        maxBuffer: 1 << 30,
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    )
  return [
    { name: 'open, cold', amount: 1, unit: 'opens', run: () => open(image, null).close() },
    { name: 'open, symbols cached', amount: 1, unit: 'opens', run: () => open(image, cache).close() },
    {
      name: 'access paths, four columns',
      amount: many.length,
      unit: 'rows',
      run: () => void kernel.at(many, TASK).select(select),
    },
    {
      name: 'task_struct scan, one thread',
      amount: size,
      unit: 'bytes',
      run: () => void backend.scan(kernel.id, [{ kind: 'tasks' }], chunks, 1),
    },
    { name: 'reading the same file', amount: size, unit: 'bytes', run: () => readWhole(image) },
    { name: 'processes, whole process, no cache', amount: 1, unit: 'runs', run: () => void salvor('--no-cache') },
    {
      name: 'processes, whole process, symbols cached',
      amount: 1,
      unit: 'runs',
      run: () => void salvor('--cache-dir', cache),
    },
  ]
}

function readWhole(path: string): void {
  const block = Buffer.alloc(1 << 20)
  const file = openSync(path, 'r')
  while (readSync(file, block) > 0);
  closeSync(file)
}

/** Measures every case, and tells of each as it ends. */
async function measure(list: Case[], before: Result[]): Promise<Result[]> {
  const results: Result[] = []
  const done = ({ name, ops, margin }: { name: string; ops: number; margin: number }): string => {
    const { amount, unit } = list[results.length] ?? { amount: 1, unit: '' }
    results.push({ name, operations_per_second: ops, margin_percent: margin, amount, unit })
    print(results.at(-1), before)
    return ''
  }
  const added = list.map(({ name, run }) => benny.add(name, run, { minSamples: 5, maxTime: 3 }))
  await benny.suite('salvor', ...added, benny.cycle(done))
  return results
}

function print(result: Result | undefined, before: Result[]): void {
  if (result === undefined) return
  const { name, operations_per_second: ops, margin_percent, amount, unit } = result
  const rate = ops * amount
  const shown =
    unit === 'bytes' ? `${(rate / 2 ** 30).toFixed(2)} GiB/s` : `${Math.round(rate).toLocaleString('en')} ${unit}/s`
  const earlier = before.find((other) => other.name === name)
  const change = earlier ? `, ${(ops / earlier.operations_per_second).toFixed(2)} times the earlier run` : ''
  console.log(`${name}: ${(1000 / ops).toFixed(2)} ms ± ${margin_percent}% (${shown})${change}`)
}

/** The results of an earlier run over the same image. */
function earlierResults(path: string, size: number): Result[] {
  const earlier = JSON.parse(readFileSync(path, 'utf8')) as { size: number; results: Result[] }
  if (earlier.size !== size) throw new Error(`${path} is about an image of ${earlier.size} bytes, not ${size}`)
  return earlier.results
}

const { values: options, positionals } = parseArgs({ allowPositionals: true, options: { compare: { type: 'string' } } })
const shared = join(
  process.env.SALVOR_IMAGES ?? join(homedir(), '.cache', 'salvor-images'),
  'docker-debian12',
  'memory.elf',
)
const image = positionals[0] ?? (existsSync(shared) ? shared : sampleImage())
const cache = mkdtempSync(join(tmpdir(), 'salvor-bench-'))
try {
  const { size } = statSync(image)
  const before = options.compare === undefined ? [] : earlierResults(options.compare, size)
  const results = await measure(cases(image, cache), before)
  mkdirSync(RESULTS, { recursive: true })
  const output = join(RESULTS, `${new Date().toISOString().replaceAll(':', '')}.json`)
  writeFileSync(output, `${JSON.stringify({ size, node: process.version, results }, null, 2)}\n`)
  console.log(`written to ${output}`)
} finally {
  rmSync(cache, { recursive: true })
}
