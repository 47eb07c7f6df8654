/** Webhooks against a real server, and commands. */

import { createHmac } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { command } from '../../dist/src/hooks/command.js'
import type { HookEvent } from '../../dist/src/hooks/event.js'
import { type Hook, Hooks } from '../../dist/src/hooks/hooks.js'
import { webhook } from '../../dist/src/hooks/webhook.js'
import { freePort } from '../../scripts/servers/start.mjs'
import { makeImages } from '../batch/images.js'
import { contents, startSalvor } from '../batch/run.js'
import { type Heard, type Receiver, startReceiver } from './receiver.js'

const KEY = 'only for this test'
const never = new AbortController().signal
const delivery = { id: 'salvor_1', body: '{"event":"finished"}' }

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-hooks-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function withReceiver<T>(
  answer: (count: number) => number | null,
  work: (receiver: Receiver) => Promise<T>,
  headers = {},
): Promise<T> {
  const receiver = await startReceiver(answer, headers)
  try {
    return await work(receiver)
  } finally {
    await receiver.stop()
  }
}

function hook(url: string, more: { key?: string; timeout?: number } = {}): Hook {
  return webhook({ url, timeout: 5_000, firstPause: 20, ...more })
}

describe('a webhook', () => {
  test.each([
    [KEY, Buffer.from(KEY)],
    [`whsec_${Buffer.from('other bytes').toString('base64')}`, Buffer.from('other bytes')],
  ])('is signed as Standard Webhooks has it, with the key %j', async (key, bytes) => {
    await withReceiver(
      () => 204,
      async ({ url, heard }) => {
        await hook(url, { key }).deliver(delivery, never)
        const [{ headers, body }] = heard as [Heard]
        expect([headers['webhook-id'], body, heard.length]).toEqual([delivery.id, delivery.body, 1])
        const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
        const expected = createHmac('sha256', bytes).update(signed).digest('base64')
        expect(headers['webhook-signature']).toBe(`v1,${expected}`)
        expect(Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp']))).toBeLessThan(60)
      },
    )
  })

  test('without a key has no signature', async () => {
    await withReceiver(
      () => 200,
      async ({ url, heard }) => {
        await hook(url).deliver(delivery, never)
        expect(heard[0]?.headers['webhook-signature']).toBeUndefined()
      },
    )
  })

  test.each([500, 503, 429, 408, null])('is tried again after %s, with pauses that grow', async (status) => {
    await withReceiver(
      (count) => (count < 4 ? status : 200),
      async ({ url, heard }) => {
        await hook(url, { timeout: 300 }).deliver(delivery, never)
        expect(heard.map(({ headers }) => headers['webhook-id'])).toEqual(Array(4).fill(delivery.id))
        const [first = 0, , third = 0, fourth = 0] = heard.map(({ at }) => at)
        // 20, 40 and 80 milliseconds at least.
        expect([fourth - third >= 79, fourth - first >= 139]).toEqual([true, true])
      },
    )
  })

  test.each([
    [400, 1],
    [404, 1],
    [301, 1],
    [500, 5],
  ])('fails for good with %i after %i attempts', async (status, attempts) => {
    await withReceiver(
      () => status,
      async ({ url, heard }) => {
        await expect(hook(url).deliver(delivery, never)).rejects.toThrow(`it answers ${status} (attempt ${attempts})`)
        expect(heard).toHaveLength(attempts)
      },
      // Another server's address is not followed.
      { location: 'http://127.0.0.1:1/' },
    )
  })

  test('waits as long as it is asked to, and no longer when it is told to stop', async () => {
    await withReceiver(
      () => 429,
      async ({ url, heard }) => {
        const over = new AbortController()
        const delivered = hook(url).deliver(delivery, over.signal)
        await sleep(500)
        over.abort()
        await expect(delivered).rejects.toThrow()
        expect(heard).toHaveLength(1)
      },
      { 'retry-after': '20' },
    )
  })

  test('whose server is not there says so, without its path', async () => {
    const origin = `http://127.0.0.1:${await freePort()}`
    const gone = hook(`${origin}/hidden-path`)
    await expect(gone.deliver(delivery, never)).rejects.toThrow(/ECONNREFUSED.* \(attempt 5\)/)
    expect(gone.name).toBe(origin)
  })

  test.each(['https://user:secret@host/', 'https://'])('cannot be at %s, and nothing of it is repeated', (url) => {
    expect(() => hook(url)).toThrow(/^--hook(?!.*secret)/)
  })
})

describe('a command', () => {
  const own = (text: string, timeout = 5_000): Hook => {
    return command({ command: text, directory: folder, env: { PATH: process.env.PATH ?? '' }, timeout })
  }

  test('has the event on its input, and nothing of it in its words', async () => {
    const body = '{"image":{"path":"/images/$(touch owned)`touch owned`;touch owned"}}'
    await own('cat >heard').deliver({ id: 'a', body }, never)
    expect(readFileSync(join(folder, 'heard'), 'utf8')).toBe(body)
    expect(existsSync(join(folder, 'owned'))).toBe(false)
  })

  test.each([
    ['true', null],
    ['echo one >&2; echo two >&2; exit 7', /^it ended with 7: two$/],
    ['kill -9 $$', /^it was ended by SIGKILL$/],
    ['no-such-program-at-all', /not found/],
  ])('%s: what becomes of it', async (text, expected) => {
    // More than a pipe holds, which not all of these read.
    const delivered = own(text).deliver({ id: 'a', body: 'x'.repeat(1 << 20) }, never)
    if (expected === null) await delivered
    else await expect(delivered).rejects.toThrow(expected)
  })

  test('that takes too long is ended with all that it started', async () => {
    const begun = Date.now()
    const text = 'sleep 300 & echo $! >child; wait'
    await expect(own(text, 500).deliver(delivery, never)).rejects.toThrow('it took longer than 0.5 seconds')
    expect(Date.now() - begun).toBeLessThan(20_000)
    const child = readFileSync(join(folder, 'child'), 'utf8').trim()
    await sleep(100)
    expect(existsSync(`/proc/${child}/fd/0`)).toBe(false)
  })
})

describe('hooks', () => {
  const event = (kind: HookEvent['event']) => ({ event: kind, image: { path: 'x' } }) as unknown as HookEvent

  test('hear in order, each for itself, and of what they are asked to', async () => {
    const heard: string[] = []
    const failed: string[] = []
    const slow: Hook = {
      name: 'slow',
      deliver: async ({ body }) => {
        await sleep(20)
        heard.push(JSON.parse(body).event)
      },
    }
    const broken: Hook = { name: 'broken', deliver: () => Promise.reject(new Error('no')) }
    const hooks = new Hooks([slow, broken], {
      kinds: new Set(['failed', 'finding']),
      signal: never,
      newId: () => 'id',
      failed: (name, { event: kind }, why) => failed.push(`${name} ${kind} ${why}`),
    })
    hooks.tell([event('finished'), event('finding')])
    hooks.tell([event('failed')])
    await hooks.close()
    expect([heard, failed]).toEqual([
      ['finding', 'failed'],
      ['broken finding no', 'broken failed no'],
    ])
    expect([hooks.delivered, hooks.failures]).toEqual([2, 2])
  })

  test('of a batch hear of each image, and what fails of them fails nothing', async () => {
    const images = join(folder, 'images')
    makeImages(images, 3)
    const into = join(folder, 'case')
    const receiver = await startReceiver()
    try {
      const args = ['batch', 'processes', 'findings', images, '--case', into, '--workers', '1']
      const hooksOf = ['--hook', 'env', '--hook', 'exit 3', '--hook', `cat >>${join(folder, 'events')}`]
      const env = { SALVOR_HOOK_URL: receiver.url, SALVOR_HOOK_KEY: KEY }
      const { code, stdout, stderr } = await startSalvor([...args, ...hooksOf], env).ended
      expect(code, stderr).toBe(3)
      const events = receiver.heard.map(({ body }) => JSON.parse(body) as HookEvent)
      const told = events.map(({ event: kind, image }) => `${kind} ${image.path.split('/').at(-1)} ${image.state}`)
      const [first, second, third] = told.filter((line) => !line.startsWith('finding'))
      expect(told.filter((line) => line.startsWith('finding'))).toHaveLength(2)
      expect(first).toMatch(/^finished host-000.lime (complete|partial)$/)
      expect(second).toBe('failed host-001.lime failed')
      expect(third).toMatch(/^finished host-002.lime (complete|partial)$/)
      for (const { findings, event: kind, image } of events) {
        if (kind !== 'finding') continue
        expect(findings?.count).toBe(image.tables.find(({ table }) => table === 'findings')?.rows)
        expect(findings?.rows[0]).toMatchObject({ rule: expect.any(String), severity: expect.any(String) })
      }
      const { images: inCase } = await contents(into)
      const ids = events.flatMap(({ event: kind, image }) => (kind === 'finding' ? [] : [image.id])).sort()
      expect(ids).toEqual(inCase.map((image) => (image as { id: string }).id).sort())
      // All hear the same.
      expect(readFileSync(join(folder, 'events'), 'utf8')).toBe(receiver.heard.map(({ body }) => body).join(''))
      expect(stdout).toContain(`hooks were told ${2 * events.length} times, and failed ${events.length} times`)
      expect(stderr).toContain('it ended with 3')
      expect(stdout + stderr).not.toMatch(/hidden-path|only for this test/)
      // What is in the case was told of.
      await startSalvor([...args, ...hooksOf], env).ended
      expect(receiver.heard).toHaveLength(events.length)
    } finally {
      await receiver.stop()
    }
  }, 120_000)

  test.each([
    [['--hook', 'env'], '--hook env: there is nothing in it'],
    [['--hook', 'true', '--hook-on', 'finish'], '--hook-on takes finished, failed or finding'],
    [['--hook', 'https://a:secret@b'], '--hook takes no password in a URL'],
  ])('are refused in one line: %j', async (args, message) => {
    const { code, stderr } = await startSalvor(['batch', folder, '--case', join(folder, 'no'), ...args]).ended
    expect([code, stderr.includes(message), stderr.includes('secret')], stderr).toEqual([2, true, false])
  })
})
