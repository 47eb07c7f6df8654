/** Watches of folders and buckets, by the built command line. */

import { createHash } from 'node:crypto'
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findS3, startS3 } from '../../scripts/servers/s3.mjs'
import { makeImages } from '../batch/images.js'
import { childrenOf, contents, type Running, startSalvor } from '../batch/run.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-watch-'))
  makeImages(join(folder, 'images'), 4)
})
afterAll(() => rmSync(folder, { recursive: true }))

const image = (index: number): string => join(folder, 'images', `host-00${index}.lime`)

function watch(place: string, into: string, extra: readonly string[] = [], env: Record<string, string> = {}): Running {
  const args = ['watch', 'processes', place, '--case', into, '--settle', '1', '--interval', '1', '--workers', '1']
  return startSalvor([...args, '--spool-dir', join(folder, 'spool'), ...extra], env)
}

interface Line {
  readonly msg: string
  readonly path?: string
  readonly state?: string
  readonly why?: string
}

function linesOf(stderr: string): Line[] {
  return stderr.split('\n').flatMap((line) => (line.startsWith('{') ? (JSON.parse(line) as Line) : []))
}

function ends(stderr: string): string[] {
  return linesOf(stderr).flatMap(({ msg, path, state }) =>
    msg === 'image' ? `${path?.split('/').at(-1)} ${state}` : [],
  )
}

async function made(into: string): Promise<unknown[]> {
  const { images, faults } = await contents(into)
  expect(faults).toEqual([])
  return images
}

test('takes what arrives, leaves what is partial, and does nothing twice', async () => {
  const [place, into] = [join(folder, 'uploads'), join(folder, 'case')]
  mkdirSync(join(place, 'node'), { recursive: true })
  copyFileSync(image(0), join(place, 'node', 'first.lime'))
  copyFileSync(image(1), join(place, 'no-image.lime'))
  const whole = readFileSync(image(2))
  const sha256 = createHash('sha256').update(whole).digest('hex')
  const moment = '2026-01-01T00:00:00Z'
  const file = { name: 'late.lime', kind: 'memory', size: whole.length, sha256, started: moment, ended: moment }
  const own = { schema: 'salvor-acquisition-1', case: 'IR-7', complete: true, host: { name: 'node' } }
  writeFileSync(
    join(place, 'late.manifest.json'),
    JSON.stringify({ ...own, started: moment, ended: moment, files: [file] }),
  )
  writeFileSync(join(place, 'late.lime'), whole.subarray(0, 100_000))
  const hook = ['--hook', `cat >>${join(folder, 'events')}; echo >>${join(folder, 'events')}`]
  const first = watch(place, into, ['--idle-exit', '3', ...hook])
  // The upload goes on while others are analyzed; with it under way, the watch does not end.
  await sleep(9_000)
  appendFileSync(join(place, 'late.lime'), whole.subarray(100_000))
  const { code, stderr } = await first.ended
  expect(code, stderr).toBe(0)
  expect(ends(stderr)).toEqual(['no-image.lime failed', 'first.lime complete', 'late.lime complete'])
  expect(linesOf(stderr).filter(({ msg }) => msg === 'not taken')).toMatchObject([
    { why: expect.stringMatching(/its manifest says/) },
  ])
  const events = readFileSync(join(folder, 'events'), 'utf8').trim().split('\n')
  expect(events.map((line) => JSON.parse(line).event)).toEqual(['failed', 'finished', 'finished'])

  const before = await made(into)
  expect(before).toHaveLength(3)
  expect(before.map((one) => (one as { sha256: string }).sha256)).toContain(sha256)
  const second = await watch(place, into, ['--idle-exit', '1', ...hook]).ended
  expect([second.code, ends(second.stderr)]).toEqual([0, []])
  expect(await made(into)).toEqual(before)
  expect(readdirSync(into).sort()).toEqual(['case.duckdb', 'manifests'])
}, 120_000)

test('told to stop, finishes what is begun, and goes on when it is started again', async () => {
  const [place, into] = [join(folder, 'stopped'), join(folder, 'stopped-case')]
  mkdirSync(place)
  for (const index of [0, 2]) copyFileSync(image(index), join(place, `${index}.lime`))
  const running = watch(place, into)
  while (childrenOf(running.pid).length === 0) await sleep(20)
  process.kill(running.pid, 'SIGTERM')
  const { code, stderr } = await running.ended
  expect([code, ends(stderr)], stderr).toEqual([0, ['0.lime complete']])
  expect(readdirSync(into).sort()).toEqual(['case.duckdb', 'manifests'])
  // Killed in the middle of the second one, it leaves nothing of it.
  const killed = watch(place, into)
  while (childrenOf(killed.pid).length === 0) await sleep(20)
  process.kill(killed.pid, 'SIGKILL')
  await killed.ended
  const again = await watch(place, into, ['--idle-exit', '1']).ended
  expect([again.code, ends(again.stderr)]).toEqual([0, ['2.lime complete']])
  expect(await made(into)).toHaveLength(2)
}, 120_000)

test('says that an image is not what its manifest says', async () => {
  const [place, into] = [join(folder, 'changed'), join(folder, 'changed-case')]
  mkdirSync(place)
  copyFileSync(image(0), join(place, 'node.lime'))
  const moment = '2026-01-01T00:00:00Z'
  const { length: size } = readFileSync(image(0))
  const file = { name: 'node.lime', kind: 'memory', size, sha256: 'a'.repeat(64), started: moment, ended: moment }
  const own = { schema: 'salvor-acquisition-1', case: 'IR-7', complete: true, host: { name: 'node' } }
  const text = JSON.stringify({ ...own, started: moment, ended: moment, files: [file] })
  writeFileSync(join(place, 'node.manifest.json'), text)
  const { code, stderr } = await watch(place, into, ['--idle-exit', '1']).ended
  expect([code, ends(stderr)]).toEqual([0, ['node.lime complete']])
  expect(linesOf(stderr).map(({ msg }) => msg)).toContain('image is not what its manifest says')
}, 60_000)

test('takes what arrives in a bucket, and what it could not reach when that is back', async ({ skip }) => {
  const { why } = await findS3()
  skip(why !== undefined, why)
  const s3 = await startS3({ buckets: ['uploads'] })
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = s3.env
  const credentials = { accessKeyId, secretAccessKey }
  const client = new S3Client({ endpoint: s3.url, region: 'us-east-1', forcePathStyle: true, credentials })
  const put = (index: number) =>
    client.send(
      new PutObjectCommand({ Bucket: 'uploads', Key: `ir-7/${index}.lime`, Body: readFileSync(image(index)) }),
    )
  try {
    const into = join(folder, 'bucket-case')
    await put(0)
    const running = watch('s3://uploads/ir-7/', into, ['--idle-exit', '8'], { ...s3.env })
    await sleep(6_000)
    await s3.kill()
    await sleep(4_000)
    await s3.start()
    await put(2)
    const { code, stderr } = await running.ended
    expect([code, ends(stderr).sort()], stderr).toEqual([0, ['0.lime complete', '2.lime complete']])
    expect(linesOf(stderr).filter(({ msg }) => msg === 'not taken')).toMatchObject([
      { why: expect.stringMatching(/the server cannot be reached/) },
    ])
    expect(await made(into)).toHaveLength(2)
    expect(readdirSync(join(folder, 'spool'))).toEqual([])
  } finally {
    client.destroy()
    await s3.stop()
  }
}, 120_000)

test.each([
  ['a file', () => image(0)],
  ['nothing', () => join(folder, 'nothing')],
  ['a pipe', () => '-'],
])('%s is no place to watch', async (_, word) => {
  const { code, stderr } = await watch(word(), join(folder, 'none')).ended
  expect([code, /is no folder and no s3:/.test(stderr)], stderr).toEqual([2, true])
})
