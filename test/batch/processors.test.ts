/** How many processors a batch takes, and which. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BatchReporter, LocalBatch } from '../../dist/src/batch/batch.js'
import type { Job } from '../../dist/src/batch/job.js'
import { CaseStore } from '../../dist/src/case/store.js'
import { readImageProcesses } from '../../dist/src/cli/image-process.js'
import { allowedProcessors, chosen, numbersOf, type Processor } from '../../dist/src/cli/processors.js'
import { Registry } from '../../dist/src/engine/registry.js'
import { makeImages } from './images.js'
import { childrenOf, random, startSalvor } from './run.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-processors-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const all = availableParallelism()

test('--workers says how many images at once, each on one processor; without it they are all used', () => {
  expect(readImageProcesses({})).toMatchObject({ workers: all, threads: 1, processors: all })
  expect(readImageProcesses({}).within).toBeUndefined()
  expect(readImageProcesses({ workers: '3' })).toMatchObject({ workers: 3, threads: 1, within: 3 })
  expect(readImageProcesses({ workers: '3', threads: '2' })).toMatchObject({ workers: 3, threads: 2, within: 6 })
  expect(readImageProcesses({ threads: String(all) })).toMatchObject({ workers: 1, threads: all })
  expect(readImageProcesses({ threads: String(all + 1) })).toMatchObject({ workers: 1, threads: all + 1 })
  expect(readImageProcesses({ workers: '3' })).not.toHaveProperty('processors')
  expect(readImageProcesses({}, 1)).toMatchObject({ workers: 1, threads: all })
})

/** The threads of each job of a batch. */
class Told extends LocalBatch {
  readonly threads: number[] = []

  protected override async perform(jobs: readonly Job[]): Promise<void> {
    this.threads.push(...jobs.map(({ threads }) => threads))
  }
}

test.each([
  [8, 1, [8]],
  [8, 3, [2, 2, 2]],
  [2, 3, [1, 1, 1]],
  [undefined, 1, [1]],
])('%s processors are divided among %i images', async (processors, count, expected) => {
  const store = await CaseStore.write(mkdtempSync(join(folder, 'case-')))
  const reporter: BatchReporter = { begin: () => {}, progress: () => {}, end: () => {} }
  const settings = { version: '1', tables: [], plugins: [], timeout: null, memory: null }
  const batch = new Told(
    store,
    Registry.builtin(),
    {
      ...{ settings, threads: 1, cacheDir: null, limits: {}, signal: new AbortController().signal, workers: 8 },
      program: { entry: '', options: [] },
      ...(processors === undefined ? {} : { processors }),
    },
    reporter,
  )
  try {
    await batch.run(Array.from({ length: count }, (_, index) => ({ path: join(folder, `none-${index}`) })))
    expect(batch.threads).toEqual(expected)
  } finally {
    store.close()
  }
})

describe('which they are', () => {
  const made = (number: number, more: Partial<Processor> = {}): Processor => {
    return { number, core: String(number), speed: 0, taken: 0, ...more }
  }

  test('as the kernel lists them', () => {
    expect(numbersOf('0-2,8,10-11')).toEqual([0, 1, 2, 8, 10, 11])
    expect(allowedProcessors().length).toBeGreaterThan(0)
  })

  test('those that nobody is kept to, before fast ones', () => {
    const from = [made(0, { taken: 1, speed: 9 }), made(1), made(2, { taken: 2 }), made(3)]
    for (let seed = 0; seed < 20; seed++) {
      expect(new Set(chosen(2, from, random(seed)))).toEqual(new Set([1, 3]))
      expect(chosen(3, from, random(seed))[2]).toBe(0)
    }
  })

  test('one of each core before a second of any, and fast ones first', () => {
    const cores = ['a', 'a', 'b', 'b', 'c', 'd']
    const from = cores.map((core, number) => made(number, { core, speed: core < 'c' ? 2 : 1 }))
    for (let seed = 0; seed < 20; seed++) {
      const order = chosen(6, from, random(seed))
      expect(new Set(order.slice(0, 2).map((number) => cores[number]))).toEqual(new Set(['a', 'b']))
      expect(new Set(order.slice(2, 4))).toEqual(new Set([4, 5]))
    }
  })

  test('any of those that are alike, each once', () => {
    const from = Array.from({ length: 4 }, (_, number) => made(number))
    const first = new Set(Array.from({ length: 40 }, (_, seed) => chosen(1, from, random(seed))[0]))
    expect([...first].sort()).toEqual([0, 1, 2, 3])
    expect([...chosen(9, from)].sort()).toEqual([0, 1, 2, 3])
  })
})

/** How many processors a process may use. */
function allowedOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return numbersOf(/^Cpus_allowed_list:\s+(\S+)$/m.exec(status)?.[1] ?? '').length
}

test.skipIf(allowedProcessors().length < 2)('a batch of one worker leaves the other processors alone', async () => {
  const images = join(folder, 'images')
  mkdirSync(images)
  makeImages(images, 1)
  for (const [more, expected] of [
    [['--workers', '1'], 1],
    [[], allowedProcessors().length],
  ] as const) {
    const into = mkdtempSync(join(folder, 'case-'))
    const running = startSalvor(['batch', images, '--case', into, ...more])
    let child: number | undefined
    while (child === undefined) {
      await sleep(20)
      child = childrenOf(running.pid)[0]
    }
    const allowed = [running.pid, child].map(allowedOf)
    const { code, stderr } = await running.ended
    expect([0, 4, 5, 6], stderr).toContain(code)
    expect(allowed).toEqual([expected, expected])
  }
})
