import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { CaseStore } from '../../dist/src/case/store.js'
import { verify } from '../../dist/src/case/verify.js'
import { repository } from '../cli/run.js'

export const entry = join(repository, 'bin', 'salvor.cjs')

export interface Running {
  readonly pid: number
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>
}

/** Starts the built command line over the real kernel layer. */
export function startSalvor(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd: string = process.cwd(),
): Running {
  const child = spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    cwd,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const ended = new Promise<Awaited<Running['ended']>>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
  return { pid: child.pid ?? 0, ended }
}

/** The same numbers for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The processes that were started with a variable, or by one that was. */
export function processesWith(variable: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      return readFileSync(`/proc/${name}/environ`, 'utf8').split('\0').includes(variable) ? Number(name) : []
    } catch {
      return []
    }
  })
}

/** The processes that a process has started. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const [, parent] = /^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? []
      return Number(parent) === pid ? Number(name) : []
    } catch {
      return []
    }
  })
}

/** What a case holds, but for when and in which order it came in. */
export async function contents(folder: string): Promise<{ images: unknown[]; outputs: unknown[]; faults: unknown[] }> {
  const store = await CaseStore.read(folder)
  try {
    const images = await store.database.rows('SELECT id, sha256, state, exit_code, error FROM images ORDER BY id')
    const outputs = await store.database.rows(
      'SELECT image_id, table_name, rows, sha256, failed FROM outputs ORDER BY image_id, table_name',
    )
    const faults = []
    // The rows are as they were hashed when they were made.
    for await (const checked of verify(store, { hashFile: async () => null, lookAt: async () => null })) {
      if (checked.kind !== 'image' && checked.state !== 'unchanged') faults.push(checked)
    }
    return { images: [...images], outputs: [...outputs], faults }
  } finally {
    store.close()
  }
}

/** Holds a case whose batch was disturbed against one whose was not: each image has one result, and nothing else is there. */
export async function expectAlike(stormy: string, calm: string, images: number, seed: number): Promise<void> {
  const [expected, found] = [await contents(calm), await contents(stormy)]
  expect(expected.images).toHaveLength(images)
  expect(expected.outputs.length).toBeGreaterThanOrEqual(images)
  expect(found, `seed ${seed}`).toEqual(expected)
  expect(found.faults).toEqual([])
  expect(readdirSync(stormy).sort()).toEqual(['case.duckdb', 'manifests'])
  expect(readdirSync(join(stormy, 'manifests'))).toHaveLength(images)
}
