/** Workers whose images and results are in a bucket, over a real Redis and a real S3 server. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { BucketPlace } from '../../dist/src/batch/redis/bucket-place.js'
import { findRedis, type RedisServer, startRedis } from '../../scripts/servers/redis.mjs'
import { findS3, type S3Server, startS3 } from '../../scripts/servers/s3.mjs'
import { makeImages } from './images.js'
import { childrenOf, contents, type Running, startSalvor } from './run.js'

const IMAGES = 5

let folder: string
let redis: RedisServer
let s3: S3Server
let why: string | undefined
beforeAll(async () => {
  why = (await findRedis()).why ?? (await findS3()).why
  if (why !== undefined) return
  folder = mkdtempSync(join(tmpdir(), 'salvor-queue-bucket-'))
  redis = await startRedis()
  s3 = await startS3({ buckets: ['images', 'results'] })
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = s3.env
  const credentials = { accessKeyId, secretAccessKey }
  const client = new S3Client({ endpoint: s3.url, region: 'us-east-1', forcePathStyle: true, credentials })
  for (const name of makeImages(join(folder, 'images'), IMAGES)) {
    const Body = readFileSync(join(folder, 'images', name))
    await client.send(new PutObjectCommand({ Bucket: 'images', Key: `ir-7/${name}`, Body }))
  }
  client.destroy()
}, 120_000)
afterAll(async () => {
  await redis?.stop()
  await s3?.stop()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})
beforeEach(({ skip }) => skip(why !== undefined, why))

const args = (into: string): string[] => ['batch', 'processes', 's3://images/ir-7/', '--case', join(folder, into)]

function coordinator(into: string, env: Record<string, string> = {}): Running {
  const results = ['--queue', redis.url, '--results', 's3://results/salvor']
  return startSalvor([...args(into), ...results, '--spool-dir', join(folder, 'spool')], { ...s3.env, ...env })
}

function worker(env: Record<string, string> = {}): Running {
  const own = ['worker', '--queue', redis.url, '--workers', '1', '--lock', '1', '--spool-dir', join(folder, 'spool')]
  return startSalvor(own, { ...s3.env, ...env })
}

/** What is in the bucket for results; the server leaves folders there. */
function left(): string[] {
  const entries = readdirSync(join(s3.store, 'results'), { recursive: true, withFileTypes: true })
  return entries.flatMap((entry) => (entry.isFile() ? entry.name : []))
}

test('each image has one result, whatever is killed, and nothing of it stays', async () => {
  const calm = await startSalvor([...args('calm'), '--spool-dir', join(folder, 'spool')], s3.env).ended
  expect(calm.code, calm.stderr).toBe(3)

  let coordinating = coordinator('stormy')
  const working = [worker(), worker()]
  const kill = (running: Running | undefined) => running !== undefined && process.kill(running.pid, 'SIGKILL')
  while (childrenOf(working[0]?.pid ?? 0).length === 0) await sleep(20)
  kill(working[0])
  await s3.kill()
  await sleep(1_000)
  await s3.start()
  kill(coordinating)
  await coordinating.ended
  coordinating = coordinator('stormy')
  working.push(worker())
  let ended = await coordinating.ended
  // A result that could not be reached is there for the next run.
  for (let runs = 0; ended.code !== 3 && runs < 3; runs++) ended = await coordinator('stormy').ended
  expect(ended.code, ended.stderr).toBe(3)
  for (const running of working.slice(1)) {
    process.kill(running.pid, 'SIGTERM')
    expect((await running.ended).code).toBe(0)
  }
  const [expected, found] = [await contents(join(folder, 'calm')), await contents(join(folder, 'stormy'))]
  expect(expected.images).toHaveLength(IMAGES)
  expect(found).toEqual(expected)
  expect(left()).toEqual([])
  expect(readdirSync(join(folder, 'spool'))).toEqual([])
}, 240_000)

test('a worker that may not write there leaves the image to another, and says why without its key', async () => {
  const coordinating = coordinator('refused')
  const strange = worker({ AWS_SECRET_ACCESS_KEY: 'another-secret' })
  await sleep(4_000)
  const right = worker()
  expect((await coordinating.ended).code).toBe(3)
  for (const running of [strange, right]) process.kill(running.pid, 'SIGTERM')
  const { stderr } = await strange.ended
  await right.ended
  expect(stderr).toMatch(/the secret key is wrong","msg":"image is refused"/)
  expect(stderr).not.toMatch(/another-secret|only-for-this-test/)
  expect(left()).toEqual([])
}, 120_000)

test('a place in a bucket is open, over or away, and takes nothing when it is over', async () => {
  Object.assign(process.env, s3.env)
  const place = new BucketPlace('s3://results/deep/below', 'ab', {})
  const [one, other] = [join(folder, 'one'), join(folder, 'other')]
  const file = join(folder, 'images', 'host-000.lime')
  expect(await place.state()).toBe('over')
  expect(await place.put('a.result', file)).toBe(false)
  await place.open()
  expect([await place.state(), await place.has('a.result'), await place.get('a.result', one)]).toEqual([
    'open',
    false,
    false,
  ])
  expect(await place.put('a.result', file)).toBe(true)
  expect(await place.put('a.result', file)).toBe(true)
  expect([...(await place.names())].sort()).toEqual(['a.result', 'open'])
  expect(await place.get('a.result', other)).toBe(true)
  expect(readFileSync(other).equals(readFileSync(file))).toBe(true)
  await place.close()
  await place.close()
  expect([await place.state(), await place.names(), left()]).toEqual(['over', [], []])
  expect(await new BucketPlace('s3://nowhere', 'ab', {}).state()).toBe('away')
})
