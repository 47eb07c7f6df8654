/**
 * A batch over a queue of which workers, images' processes, the coordinator and Redis are killed: SALVOR_FAULT_IMAGES and
 * SALVOR_FAULT_KILLS say how many, SALVOR_FAULT_SEED when.
 */

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findRedis, type RedisServer, startRedis } from '../../scripts/servers/redis.mjs'
import { makeImages } from './images.js'
import { childrenOf, expectAlike, processesWith, type Running, random, startSalvor } from './run.js'

const IMAGES = Number(process.env.SALVOR_FAULT_IMAGES ?? 6)
const KILLS = Number(process.env.SALVOR_FAULT_KILLS ?? 8)
const SEED = Number(process.env.SALVOR_FAULT_SEED ?? Date.now() % 1e9)
/** Milliseconds between kills, at most. */
const LONGEST = 2400
const LOCK_SECONDS = 1
const MARK = 'SALVOR_FAULT_RUN'
/** How often the batch may be begun to the end: what is lost is tried again. */
const MOST_RUNS = 8
const ANALYZERS = ['processes', 'namespaces']

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-queue-faults-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A process that is started again whenever it ends, until it is told not to be. */
class Kept {
  running: Running
  private stopped = false

  constructor(private readonly start: () => Running) {
    this.running = this.keep()
  }

  private keep(): Running {
    const running = this.start()
    void running.ended.then(async () => {
      await sleep(100)
      if (!this.stopped) this.running = this.keep()
    })
    return running
  }

  async stop(): Promise<number | null> {
    this.stopped = true
    signal(this.running.pid, 'SIGTERM')
    return (await this.running.ended).code
  }
}

/** Answers whether it was there to be sent one. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

interface Scene {
  readonly redis: RedisServer
  readonly workers: readonly Kept[]
  readonly coordinate: () => Running
  readonly reset: () => void
}

/** Kills somebody, and answers who it was; undefined where nobody was there. */
async function strike(scene: Scene, coordinator: Running, next: () => number): Promise<string | undefined> {
  const worker = scene.workers[Math.floor(next() * scene.workers.length)]?.running
  const kind = next()
  if (kind < 0.4) return signal(worker?.pid ?? 0, 'SIGKILL') ? 'worker' : undefined
  if (kind < 0.6) {
    const [child] = childrenOf(worker?.pid ?? 0)
    return child !== undefined && signal(child, 'SIGKILL') ? 'image' : undefined
  }
  if (kind < 0.8) return signal(coordinator.pid, 'SIGKILL') ? 'coordinator' : undefined
  if (kind < 0.85) {
    // One that is taken for dead, and is not: somebody else does its job, and then it goes on.
    if (!signal(worker?.pid ?? 0, 'SIGSTOP')) return undefined
    await sleep(LOCK_SECONDS * 3000)
    signal(worker?.pid ?? 0, 'SIGCONT')
    return undefined
  }
  await scene.redis.kill()
  const forgets = next() < 0.3
  if (forgets) scene.redis.forget()
  await sleep(next() * 500)
  await scene.redis.start()
  return forgets ? 'redis with all it knew' : 'redis'
}

/** Answers how often each was killed. */
async function disturb(scene: Scene, next: () => number): Promise<Map<string, number>> {
  const killed = new Map<string, number>()
  let kills = 0
  while (kills < KILLS) {
    const coordinator = scene.coordinate()
    let code: number | null | undefined
    void coordinator.ended.then((end) => {
      code = end.code
    })
    while (code === undefined && kills < KILLS) {
      await sleep(200 + next() * LONGEST)
      const who = await strike(scene, coordinator, next)
      if (who === undefined) continue
      killed.set(who, (killed.get(who) ?? 0) + 1)
      kills++
    }
    if (kills === KILLS) signal(coordinator.pid, 'SIGKILL')
    await coordinator.ended
    // Nothing is left to disturb: it begins anew.
    if (code === 3 && kills < KILLS) scene.reset()
  }
  return killed
}

test(`${IMAGES} images on two workers, ${KILLS} kills: each has one result, as if nothing had happened`, async ({
  skip,
}) => {
  const { why } = await findRedis()
  skip(why !== undefined, why)
  const images = join(folder, 'images')
  const names = makeImages(images, IMAGES)
  const [calm, stormy, results, work] = ['calm', 'stormy', 'results', 'work'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ]
  for (const path of [results, work]) mkdirSync(path)
  const common = ['batch', ...ANALYZERS, images, '--quiet', '--case']
  const undisturbed = await startSalvor([...common, calm, '--workers', '2']).ended
  expect(undisturbed.code, undisturbed.stderr).toBe(3)

  const mark = `${process.pid}-${SEED}`
  const env = { [MARK]: mark, TMPDIR: work }
  const redis = await startRedis()
  const workers: Kept[] = []
  try {
    const args = ['worker', '--queue', redis.url, '--workers', '1', '--threads', '1', '--lock', String(LOCK_SECONDS)]
    for (let index = 0; index < 2; index++) workers.push(new Kept(() => startSalvor([...args, '--quiet'], env)))
    const coordinate = () => startSalvor([...common, stormy, '--queue', redis.url, '--results', results], env)
    const reset = () => rmSync(stormy, { recursive: true, force: true })
    const killed = await disturb({ redis, workers, coordinate, reset }, random(SEED))
    console.log(`seed ${SEED}, killed:`, Object.fromEntries(killed))

    const ends: Awaited<Running['ended']>[] = []
    while (ends.length < MOST_RUNS && ends.at(-1)?.code !== 3) ends.push(await coordinate().ended)
    expect(ends.at(-1)?.code, `seed ${SEED}: ${ends.at(-1)?.stderr}`).toBe(3)
    expect(await Promise.all(workers.map((worker) => worker.stop()))).toEqual([0, 0])

    await expectAlike(stormy, calm, names.length, SEED)
    // Nothing is left: no file, no key, no process.
    expect(readdirSync(results)).toEqual([])
    expect(readdirSync(work)).toEqual([])
    expect(await redis.keys()).toEqual([])
    expect(processesWith(`${MARK}=${mark}`)).toEqual([])
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()))
    await redis.stop()
  }
}, 7_200_000)
