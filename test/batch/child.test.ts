/** The process that does a batch's images: used again where nobody can tell, and replaced where somebody could. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Children } from '../../dist/src/batch/child.js'
import type { Job, Outcome, Settings } from '../../dist/src/batch/job.js'
import { exitCodes } from '../../dist/src/engine/status.js'
import { sampleImage } from '../../dist/src/sample.js'
import { makeImages } from './images.js'
import { childrenOf, entry } from './run.js'

const settings: Settings = {
  version: '1',
  tables: ['containers', 'processes', 'sockets'].map((analyzer) => ({ analyzer, options: {} })),
  plugins: [],
  timeout: null,
  memory: null,
}

let folder: string
let children: Children
let made = 0
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-child-'))
  children = new Children({ entry, options: [] })
})
afterEach(async () => {
  await children.close()
  expect(childrenOf(process.pid)).toEqual([])
  rmSync(folder, { recursive: true })
})

function run(path: string, limits: Job['limits'] = {}, by = children): Promise<Outcome> {
  const own = join(folder, `made-${made++}`)
  mkdirSync(own)
  const job: Job = { path, settings, limits, threads: 1, cacheDir: null }
  return by.run({ job, folder: own }, { signal: new AbortController().signal, progress: () => {} })
}

/** What is the same whenever it is made. */
function told(outcome: Outcome): object {
  if (outcome.kind === 'lost') throw new Error(outcome.why)
  const { started, ended, ...record } = outcome.record
  return { record, tables: outcome.tables }
}

const docker = sampleImage('docker-debian12')
const podman = sampleImage('podman-debian11')

test('one process does image after image, and each as one that is new would', async () => {
  const first = told(await run(docker))
  const [used] = childrenOf(process.pid)
  const others = [told(await run(podman)), told(await run(docker))]
  expect(childrenOf(process.pid)).toEqual([used])
  expect(others[1]).toEqual(first)
  await children.close()
  expect(childrenOf(process.pid)).toEqual([])
  expect(told(await run(podman))).toEqual(others[0])
  expect(childrenOf(process.pid)).not.toEqual([used])
}, 120_000)

test('one that is damaged leaves its process to nobody', async () => {
  const images = makeImages(join(folder, 'images'), 2).map((name) => join(folder, 'images', name))
  await run(docker)
  const [used] = childrenOf(process.pid)
  const damaged = await run(images[1] ?? '')
  expect(damaged).toMatchObject({ kind: 'result', record: { state: 'failed', exit_code: exitCodes.evidence } })
  expect(childrenOf(process.pid)).toEqual([])
  expect((await run(docker)).kind).toBe('result')
  expect(childrenOf(process.pid)).not.toContain(used)
}, 120_000)

test('a process that dies between two images or in the second costs neither', async () => {
  const expected = told(await run(docker))
  const [idle = 0] = childrenOf(process.pid)
  process.kill(idle, 'SIGKILL')
  expect(told(await run(docker))).toEqual(expected)
  const again = run(docker)
  const [busy = 0] = childrenOf(process.pid)
  expect(busy).not.toBe(idle)
  process.kill(busy, 'SIGKILL')
  expect(told(await again)).toEqual(expected)
  // One that was new has nobody else to blame.
  await children.close()
  const lost = run(docker)
  process.kill(childrenOf(process.pid)[0] ?? 0, 'SIGKILL')
  expect(await lost).toMatchObject({ kind: 'lost', exitCode: exitCodes.internal })
}, 120_000)

test('what one image took is not held against the next', async () => {
  const own = (): number => {
    const status = readFileSync(`/proc/${childrenOf(process.pid)[0]}/status`, 'utf8')
    return Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]) / 1024
  }
  await run(docker)
  const held = own()
  expect(held).toBeGreaterThan(10)
  // It has more than this already, and one that is new would need more, too: but it is one that is new that is asked.
  const [used] = childrenOf(process.pid)
  const outcome = await run(docker, { memory: Math.floor(held / 2) })
  expect(outcome).toMatchObject({ kind: 'lost', exitCode: exitCodes.limit })
  expect(childrenOf(process.pid)).not.toContain(used)
  expect((await run(docker, { memory: 2048 })).kind).toBe('result')
}, 120_000)
