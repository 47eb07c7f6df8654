/** Runs the built command line over an image that may be anything, and holds what it says to what always has to be so. */

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'

const SALVOR = join(import.meta.dirname, '../../bin/salvor.cjs')
const MIB = 1 << 20
/** Of one table; of all in one run it is what V8 has not collected yet that comes on top, which no two runs have alike. */
const MOST_MEMORY = 500 * MIB
const MOST_TOGETHER = 768 * MIB
/** For all tables in one run; one of them ends in half of that. */
const MOST_MILLISECONDS = 60_000

// C0 but the line's end, DEL, C1, and what turns text around or ends a line.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const control = /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/

export interface Warning {
  code: string
  message: string
  analyzer?: string
  column?: string
  count?: number
  address?: string
}

export interface Table {
  table: string
  rows: Record<string, unknown>[]
  warnings: Warning[]
}

export interface Run {
  code: number | null
  stdout: string
  /** What was said on stderr. */
  lines: string[]
  milliseconds: number
}

/** The most memory the process ever had, as far as the kernel has told. */
function peak(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

/**
 * Runs a command, without a cache unless one is named; checks that it ends in time, in an orderly way, with clean text and
 * within its memory.
 */
export async function salvor(args: readonly string[], cache: string | null = null): Promise<Run> {
  const begun = performance.now()
  const kept = cache === null ? ['--no-cache'] : ['--cache-dir', cache]
  const child = spawn(process.execPath, [SALVOR, ...args, ...kept], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (part: Buffer) => stdout.push(part))
  child.stderr.on('data', (part: Buffer) => stderr.push(part))
  let memory = 0
  const watch = setInterval(() => {
    memory = Math.max(memory, peak(child.pid ?? 0))
  }, 50)
  const deadline = setTimeout(() => child.kill('SIGKILL'), MOST_MILLISECONDS)
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  clearInterval(watch)
  clearTimeout(deadline)
  const run = {
    code,
    stdout: Buffer.concat(stdout).toString(),
    lines: Buffer.concat(stderr)
      .toString()
      .split('\n')
      .filter((line) => line !== ''),
    milliseconds: performance.now() - begun,
  }
  const said = run.lines.join('\n')
  expect([0, 3, 4, 5, 6], said.slice(0, 2000)).toContain(code)
  expect(said).not.toMatch(/^\s+at |panicked|node:internal|heap out of memory|RangeError|TypeError|Maximum call stack/m)
  // CSV ends its lines with CRLF.
  expect(control.exec(run.stdout.replaceAll('\r\n', '\n'))?.[0]).toBeUndefined()
  expect(control.exec(said)?.[0]).toBeUndefined()
  expect(memory).toBeLessThan(args[0] === 'run' ? MOST_TOGETHER : MOST_MEMORY)
  // Whatever is not complete is said.
  if (code !== 0) expect(run.lines.filter((line) => /^(warning|salvor): /.test(line)).length).toBeGreaterThan(0)
  return run
}

/** Rows of `--format ndjson`. */
export function rows(run: Run): Record<string, unknown>[] {
  return run.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

/** Runs one analyzer and gives its table. */
export async function table(analyzer: string, image: string): Promise<Table & Run> {
  const run = await salvor([analyzer, image, '--format', 'json'])
  return { ...run, ...(JSON.parse(run.stdout) as Table) }
}
