import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fixture, start } from './run.js'

const slow = ['--plugin', fixture('slow.mjs'), '--quiet', '--format', 'ndjson']

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'salvor-stop-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

/** Waits until the run has begun to write. */
async function writing(): Promise<void> {
  for (let tries = 0; tries < 200 && readdirSync(directory).length === 0; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  expect(readdirSync(directory)).toHaveLength(1)
}

test.each([
  ['an analyzer without end', 'endless', 'SIGINT'],
  ['a thread that blocks', 'stuck', 'SIGINT'],
  ['an analyzer without end', 'endless', 'SIGTERM'],
] as const)('%s (%s) stops within a second of %s and leaves nothing', async (_what, analyzer, signal) => {
  const { child, ended } = start([analyzer, 'x', '--output', join(directory, 'out'), ...slow])
  await writing()
  const begun = performance.now()
  child.kill(signal)
  const { code, stderr } = await ended
  expect(performance.now() - begun).toBeLessThan(1000)
  expect([code, stderr]).toEqual([130, ''])
  expect(readdirSync(directory)).toEqual([])
})

test('a reader that goes away ends the run without a word', async () => {
  const { child, ended } = start(['endless', 'x', ...slow])
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  child.stdout?.destroy()
  const { code, stderr } = await ended
  expect([code, stderr]).toEqual([0, ''])
})
