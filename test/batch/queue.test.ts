/** Workers over a real Redis: who may ask it, who refuses a job, what becomes of what is stopped. */

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { findRedis, type RedisServer, startRedis } from '../../scripts/servers/redis.mjs'
import { makeImages } from './images.js'
import { childrenOf, contents, type Running, startSalvor } from './run.js'

const PASSWORD = 'correct horse/battery:staple@1'
/** What docs/workers.md has whoever runs a server give to salvor's user. */
const RIGHTS = ['~bull:salvor:*', '+@all', '-@admin', '-@dangerous', '+info']

let folder: string
let images: string
let results: string
let redis: RedisServer
let why: string | undefined
beforeAll(async () => {
  why = (await findRedis()).why
  if (why !== undefined) return
  folder = mkdtempSync(join(tmpdir(), 'salvor-queue-'))
  images = join(folder, 'images')
  results = join(folder, 'results')
  mkdirSync(results)
  makeImages(images, 3)
  redis = await startRedis({
    args: [
      '--user',
      'salvor',
      'on',
      `>${PASSWORD}`,
      ...RIGHTS,
      '--user',
      'default',
      'on',
      'nopass',
      '~*',
      '&*',
      '+@all',
    ],
  })
}, 120_000)
afterAll(async () => {
  await redis?.stop()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})
beforeEach(({ skip }) => skip(why !== undefined, why))

function coordinator(into: string, extra: readonly string[] = [], env: Record<string, string> = {}): Running {
  const args = ['batch', 'processes', images, '--case', into, '--results', results]
  const queue = extra.includes('--queue') ? [] : ['--queue', redis.url]
  return startSalvor([...args, ...queue, ...extra], env)
}

function worker(extra: readonly string[] = [], env: Record<string, string> = {}): Running {
  return startSalvor(['worker', '--queue', redis.url, '--workers', '1', '--lock', '1', ...extra], env)
}

interface Line {
  readonly msg: string
  readonly path?: string
  readonly why?: string
}

function linesOf(text: string): Line[] {
  return text.split('\n').flatMap((line) => (line.startsWith('{') ? (JSON.parse(line) as Line) : []))
}

/** Waits until something is so. */
async function until<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + 20_000; ; await sleep(25)) {
    const found = await look()
    if (found) return found
    if (Date.now() > end) throw new Error('it did not come to be')
  }
}

describe('who asks', () => {
  test('gives a name and a password by the environment, and no output, child or key has it', async () => {
    const env = { REDIS_URL: redis.url, REDIS_USERNAME: 'salvor', REDIS_PASSWORD: PASSWORD }
    const into = join(folder, 'asked')
    const coordinating = startSalvor(
      ['batch', 'processes', images, '--case', into, '--results', results, '--queue', 'env'],
      env,
    )
    const working = startSalvor(['worker', '--workers', '1', '--idle-exit', '2'], env)
    const shownBy = (pid: number) =>
      ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8')).join('\n')
    // A child has its parent's command line until it is the program that it was made for.
    const shown = await until(() =>
      childrenOf(working.pid)
        .map(shownBy)
        .find((text) => text.includes('batch-image')),
    )
    expect(shown).not.toMatch(/REDIS_|battery/)
    const [batch, served] = await Promise.all([coordinating.ended, working.ended])
    expect([batch.code, served.code], batch.stderr + served.stderr).toEqual([3, 0])
    for (const { stdout, stderr } of [batch, served]) expect(stdout + stderr).not.toContain('battery')
    expect(linesOf(served.stderr).filter(({ msg }) => msg === 'image')).toHaveLength(3)
    for (const name of readdirSync(join(into, 'manifests')))
      expect(readFileSync(join(into, 'manifests', name), 'utf8')).not.toContain('battery')
    expect(await redis.keys()).toEqual([])
    expect(readdirSync(results)).toEqual([])
  })

  test.each([
    ['a wrong password', () => redis.url.replace('//', '//salvor:wrong@'), 2, /refuses who asks: WRONGPASS/],
    ['a server that is none', () => 'redis://secret:secret@localhost:1', 1, /cannot be reached: .*ECONNREFUSED/],
    ['what is no address', () => 'http://secret:secret@h', 2, /takes redis:/],
    ['no address at all', () => 'secret', 2, /is no URL/],
  ])('%s is one line', { timeout: 40_000 }, async (_what, url, code, message) => {
    const ended = await startSalvor(['worker', '--queue', url()]).ended
    expect([ended.code, message.test(ended.stderr)], ended.stderr).toEqual([code, true])
    expect(ended.stderr.trim().split('\n')).toHaveLength(1)
    expect(ended.stderr).not.toMatch(/secret|wrong/)
  })

  test('finds no server, loses no image by it, and goes on with the same command', { timeout: 60_000 }, async () => {
    const into = join(folder, 'no-server')
    const nowhere = await coordinator(into, ['--queue', 'redis://localhost:1']).ended
    expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringMatching(/cannot be reached: .*ECONNREFUSED/)])
    expect((await contents(into)).images).toEqual([])
    expect(readdirSync(results)).toEqual([])
    const [batch, served] = await Promise.all([coordinator(into).ended, worker(['--idle-exit', '2']).ended])
    // 3: one of them is no image of memory.
    expect([batch.code, served.code], batch.stderr + served.stderr).toEqual([3, 0])
    expect(linesOf(served.stderr).filter(({ msg }) => msg === 'image')).toHaveLength(3)
  })

  test('is sure of the server by TLS', async ({ skip }) => {
    skip(spawnSync('openssl', ['version']).status !== 0, 'openssl is not installed')
    const at = (name: string): string => join(folder, name)
    const quiet = { stdio: 'ignore' } as const
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost']
    const alternative = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    execFileSync('openssl', [...request, ...alternative, '-keyout', at('key'), '-out', at('cert')], quiet)
    const args = ['--tls-cert-file', at('cert'), '--tls-key-file', at('key'), '--tls-ca-cert-file', at('cert')]
    const server = await startRedis({ tls: true, args: [...args, '--tls-auth-clients', 'no'] })
    try {
      const asked = ['worker', '--queue', server.url, '--idle-exit', '1']
      const trusted = await startSalvor([...asked, '--queue-ca', at('cert')]).ended
      expect([trusted.code, linesOf(trusted.stderr)[0]?.msg]).toEqual([0, 'worker is ready'])
      const strange = await startSalvor(asked).ended
      expect([strange.code, strange.stderr]).toEqual([1, expect.stringMatching(/cannot be reached: .*certificate/)])
    } finally {
      await server.stop()
    }
  }, 60_000)
})

describe('a job that a worker cannot do', () => {
  const plugin = ['--plugin', join(import.meta.dirname, '../fixtures/own.ts')]

  test('is left to another one, and what refused it says why', async () => {
    const into = join(folder, 'refused')
    const coordinating = coordinator(into)
    const strange = worker(plugin)
    let told = ''
    void strange.ended.then(({ stderr }) => {
      told = stderr
    })
    await sleep(3000)
    const right = worker(['--idle-exit', '3'])
    expect((await coordinating.ended).code).toBe(3)
    await right.ended
    process.kill(strange.pid, 'SIGTERM')
    await strange.ended
    const refused = linesOf(told).filter(({ msg }) => msg === 'image is refused')
    expect(refused.length).toBeGreaterThan(0)
    for (const line of refused) expect(line.why).toMatch(/it has the plugin .*own\.ts, which the job is not of/)
    expect(linesOf(told).some(({ msg }) => msg === 'image begins')).toBe(false)
    expect((await contents(into)).images).toHaveLength(3)
  }, 60_000)

  test('fails in the end, and the batch says who said what', async () => {
    const connection = { host: '127.0.0.1', port: redis.port }
    const queue = new Queue('other', { connection })
    const data = {
      batch: 'ab',
      path: join(images, 'gone.lime'),
      bytes: 7,
      settings: '0'.repeat(64),
      limits: {},
      results: folder,
      version: '0.0.0-old',
    }
    mkdirSync(join(folder, 'salvor-ab'))
    try {
      const refused = async (job: object): Promise<string> => {
        const added = await queue.add('image', job, { attempts: 1 })
        const ended = await worker(['--queue-name', 'other', '--once', '--idle-exit', '1']).ended
        expect(ended.code).toBe(0)
        return (await queue.getJob(added.id ?? ''))?.failedReason ?? ''
      }
      expect(await refused(data)).toMatch(/^worker \S+: it is salvor \S+, and the job is of salvor 0\.0\.0-old$/)
      expect(await refused({ ...data, settings: '../../x' })).toMatch(/no job of salvor/)
      expect(await refused({ ...data, results: '/nowhere' })).toMatch(/place for results is not there: \/nowhere/)
    } finally {
      await queue.obliterate({ force: true })
      await queue.close()
      rmSync(join(folder, 'salvor-ab'), { recursive: true })
    }
    expect((await redis.keys()).filter((key) => key.startsWith('bull:other:') && !key.endsWith(':meta'))).toEqual([])
  }, 60_000)

  test('because its image is not there fails clearly, and is lost', async () => {
    const into = join(folder, 'unreached')
    // The coordinator sees it, the worker does not: there it is another file.
    const path = join(images, 'host-000.lime')
    const whole = readFileSync(path)
    const coordinating = coordinator(into, ['--queue-name', 'unreached'])
    await until(async () => (await redis.keys()).filter((key) => key.startsWith('bull:unreached:')).length > 3)
    writeFileSync(path, 'short')
    const working = worker(['--queue-name', 'unreached'])
    try {
      const { stdout, stderr } = await coordinating.ended
      const lost = linesOf(stderr).find((line) => line.path === path) as Line & { readonly error: string }
      expect(lost.error).toMatch(/worker \S+: another file is there, of 5 bytes and not \d+: .*host-000\.lime$/)
      expect(stdout).toMatch(/1 lost/)
    } finally {
      writeFileSync(path, whole)
      process.kill(working.pid, 'SIGTERM')
      await working.ended
    }
    expect(readdirSync(results)).toEqual([])
  }, 90_000)
})

describe('what is stopped', () => {
  test('a worker gives its image back, and what it has done stays done', async () => {
    const into = join(folder, 'stopped')
    const first = coordinator(into, ['--queue-name', 'stopped'])
    const short = worker(['--queue-name', 'stopped', '--grace', '0'])
    await until(() => childrenOf(short.pid)[0])
    process.kill(short.pid, 'SIGTERM')
    const stopped = await short.ended
    expect(stopped.code).toBe(0)
    expect(linesOf(stopped.stderr).map(({ msg }) => msg)).toContain('image is given back')
    const client = new Redis(redis.port, '127.0.0.1')
    expect([await client.llen('bull:stopped:wait'), await client.llen('bull:stopped:active')]).toEqual([3, 0])
    client.disconnect()

    // The coordinator is away while a worker does them all.
    process.kill(first.pid, 'SIGINT')
    await first.ended
    const meanwhile = await worker(['--queue-name', 'stopped', '--idle-exit', '1']).ended
    expect(linesOf(meanwhile.stderr).filter(({ msg }) => msg === 'image')).toHaveLength(3)
    const again = await coordinator(into, ['--queue-name', 'stopped']).ended
    expect([again.code, again.stdout], again.stderr).toEqual([
      3,
      expect.stringMatching(/^3 images: 2 complete, 1 failed;/),
    ])
    expect((await contents(into)).images).toHaveLength(3)
    expect(readdirSync(results)).toEqual([])
    expect((await redis.keys()).filter((key) => key.startsWith('bull:stopped:'))).toEqual([])
  }, 60_000)

  test('a worker finishes what it has begun, where there is time; with --once it takes one', async () => {
    const into = join(folder, 'drained')
    const coordinating = coordinator(into, ['--queue-name', 'drained'])
    const draining = worker(['--queue-name', 'drained'])
    await until(() => childrenOf(draining.pid)[0])
    process.kill(draining.pid, 'SIGTERM')
    const drained = await draining.ended
    expect([drained.code, linesOf(drained.stderr).filter(({ msg }) => msg === 'image').length]).toEqual([0, 1])
    const once = await worker(['--queue-name', 'drained', '--once']).ended
    expect(linesOf(once.stderr).filter(({ msg }) => msg === 'image')).toHaveLength(1)
    await worker(['--queue-name', 'drained', '--idle-exit', '1']).ended
    expect((await coordinating.ended).code).toBe(3)
  }, 60_000)
})

test('the hooks of a worker hear of what it delivered, and know no case', async () => {
  const events = join(folder, 'events')
  const coordinating = coordinator(join(folder, 'told'), ['--queue-name', 'told'])
  const hook = ['--hook', `cat >>${events}; echo >>${events}`, '--hook-on', 'finished,failed']
  const served = await worker(['--queue-name', 'told', '--idle-exit', '2', ...hook]).ended
  expect([served.code, (await coordinating.ended).code], served.stderr).toEqual([0, 3])
  const told = readFileSync(events, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(told.map(({ case: into }) => into)).toEqual([null, null, null])
  const named = told.map(({ event, image }) => `${image.path.split('/').at(-1)} ${event} ${image.state}`)
  expect(named.sort()).toEqual([
    'host-000.lime finished complete',
    'host-001.lime failed failed',
    'host-002.lime finished complete',
  ])
  const refused = await worker(['--queue-name', 'told', '--hook', ' ']).ended
  expect([refused.code, /--hook/.test(refused.stderr)]).toEqual([2, true])
}, 60_000)
