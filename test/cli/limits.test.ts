import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { cacheHome, SALVOR } from '../truth/images.js'
import { fixture, start } from './run.js'

const slow = ['--plugin', fixture('slow.mjs'), '--format', 'ndjson', '--quiet']
const run = (...args: string[]) => start([...args, ...slow]).ended

test.each(['1', '2'])('a table that takes too long is ended, and the others are made (%s threads)', async (threads) => {
  const ended = await run('run', 'stuck', 'names', 'broken', 'x', '--timeout', '1', '--threads', threads)
  expect(ended.stderr.split('\n').filter((line) => line.includes('stuck'))).toEqual([
    'salvor: stuck: it takes longer than --timeout allows (1 s) (only the 4096 rows before it are there)',
  ])
  const rows = ended.stdout.trimEnd().split('\n')
  expect(rows.filter((row) => row.includes('"t":'))).toHaveLength(2)
  expect(rows.filter((row) => row.includes('"table":"broken"'))).toHaveLength(2)
  expect(ended.code).toBe(6)
})

test('a table that is ended alone is a limit', async () => {
  const ended = await run('endless', 'x', '--timeout', '1')
  expect(ended.stderr).toMatch(/^salvor: endless: it takes longer than --timeout allows \(1 s\) \(only the \d+ rows/)
  expect(ended.code).toBe(6)
})

test('a table that takes too much memory is ended, and the others are made', async () => {
  const ended = await run('run', 'hungry', 'names', 'x', '--memory', '64', '--threads', '1')
  expect(ended.stderr).toContain('salvor: hungry: it needs more memory than --memory allows (64 MiB)')
  expect(ended.stdout.match(/"t":/g)).toHaveLength(2)
  expect(ended.code).toBe(6)
})

test('a limit that is none is a usage error', async () => {
  for (const [option, value] of [
    ['--timeout', '0'],
    ['--memory', '1'],
  ] as const) {
    const { code, stderr } = await run('names', 'x', option, value)
    expect([code, stderr]).toEqual([2, expect.stringContaining(`${option} takes a number from`)])
  }
})

test('an image stays open where the worker that read it was ended', () => {
  const tables = ['run', 'stuck', 'processes', 'process-scan', 'hungry', 'namespaces']
  const limits = ['--timeout', '2', '--memory', '128', '--threads', '1']
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [SALVOR, ...tables, sampleImage(), ...limits, ...slow],
    {
      encoding: 'utf8',
      env: { ...process.env, XDG_CACHE_HOME: cacheHome() },
    },
  )
  expect(stderr.match(/^salvor: /gm)).toHaveLength(2)
  for (const table of ['processes', 'process-scan', 'namespaces']) {
    expect(stdout.split(`"table":"${table}"`).length).toBeGreaterThan(20)
  }
  expect(status).toBe(6)
})
