/** Images in a bucket of a real S3 server: read, listed, and what can go wrong on the way. */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { findS3, type S3Server, startS3 } from '../../scripts/servers/s3.mjs'
import { makeImages } from '../batch/images.js'
import { contents, type Running, startSalvor } from '../batch/run.js'
import { startCutting } from './cutting.js'

const IMAGES = 3

let folder: string
let s3: S3Server
let client: S3Client
let why: string | undefined
const local = (name: string): string => join(folder, 'images', name)

beforeAll(async () => {
  why = (await findS3()).why
  if (why !== undefined) return
  folder = mkdtempSync(join(tmpdir(), 'salvor-bucket-'))
  s3 = await startS3({ buckets: ['images'] })
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = s3.env
  const credentials = { accessKeyId, secretAccessKey }
  client = new S3Client({ endpoint: s3.url, region: 'us-east-1', forcePathStyle: true, credentials })
  for (const name of makeImages(join(folder, 'images'), IMAGES)) await put(`node/${name}`, readFileSync(local(name)))
  await put('node/manifest.json', '{}')
}, 120_000)
afterAll(async () => {
  client?.destroy()
  await s3?.stop()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})
beforeEach(({ skip }) => skip(why !== undefined, why))

async function put(key: string, body: Buffer | string): Promise<void> {
  await client.send(new PutObjectCommand({ Bucket: 'images', Key: key, Body: body }))
}

function run(args: readonly string[], env: Record<string, string> = {}): Running {
  return startSalvor([...args, '--spool-dir', join(folder, 'spool')], { ...s3.env, ...env })
}

function batch(source: string, into: string, env: Record<string, string> = {}): Running {
  return run(['batch', 'processes', source, '--case', join(folder, into), '--workers', '1'], env)
}

interface Line {
  readonly path: string
  readonly state: string
  readonly known: boolean
  readonly error?: string
}

/** What a batch said of each image. */
function linesOf(stderr: string): Line[] {
  const lines = stderr.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
  return lines.filter(({ msg }) => msg === 'image')
}

function states(stderr: string): string[] {
  return linesOf(stderr).map(({ path, state, known }) => `${path.split('/').at(-1)} ${state}${known ? ' before' : ''}`)
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

describe('an image in a bucket', () => {
  test('gives what its file gives, and nothing of it is left', async () => {
    const args = (image: string) => ['processes', image, '--format', 'csv']
    const own = await startSalvor(args(local('host-000.lime'))).ended
    const { code, stdout, stderr } = await run(args('s3://images/node/host-000.lime')).ended
    expect([code, /^note: \S+ [\d.]+ of [\d.]+ MiB were fetched[^\n]*\n$/.test(stderr)], stderr).toEqual([0, true])
    expect(stdout.split('\n').length).toBeGreaterThan(20)
    expect(stdout).toBe(own.stdout)
    expect(readdirSync(join(folder, 'spool'))).toEqual([])
  })

  test('is converted as its file is, or nothing is left', async () => {
    const converted = (image: string, output: string) => run(['convert', image, join(folder, output)]).ended
    const [own, fetched] = [
      await converted(local('host-000.lime'), 'own.elf'),
      await converted('s3://images/node/host-000.lime', 'fetched.elf'),
    ]
    expect([own.code, fetched.code], fetched.stderr).toEqual([0, 0])
    const bytes = readFileSync(join(folder, 'fetched.elf'))
    expect(bytes.equals(readFileSync(join(folder, 'own.elf')))).toBe(true)
    const { source, target } = JSON.parse(readFileSync(join(folder, 'fetched.elf.manifest.json'), 'utf8'))
    const there = readFileSync(local('host-000.lime'))
    const path = 's3://images/node/host-000.lime'
    expect(source.files).toMatchObject([{ path, bytes: there.length, sha256: sha256(there) }])
    expect(target.sha256).toBe(sha256(bytes))
    const missing = await converted('s3://images/node/none.lime', 'none.elf')
    expect([missing.code, missing.stderr.startsWith('salvor: s3://images/node/none.lime')], missing.stderr).toEqual([
      3,
      true,
    ])
    expect(readdirSync(folder).filter((name) => name.includes('none.elf'))).toEqual([])
    expect(readdirSync(join(folder, 'spool'))).toEqual([])
  })

  test('is one of a batch, which does it again only when it is replaced', async () => {
    await put('again/one.lime', readFileSync(local('host-000.lime')))
    await put('again/two.lime', readFileSync(local('host-002.lime')))
    const first = await batch('s3://images/again/', 'again').ended
    expect([first.code, ...states(first.stderr)]).toEqual([0, 'one.lime complete', 'two.lime complete'])
    const changed = readFileSync(local('host-002.lime'))
    changed.writeUInt32LE(77, 24)
    await put('again/two.lime', changed)
    const second = await batch('s3://images/again/*.lime', 'again').ended
    expect([second.code, ...states(second.stderr)]).toEqual([0, 'one.lime complete before', 'two.lime complete'])
    const { images, faults } = await contents(join(folder, 'again'))
    const hashes = [readFileSync(local('host-000.lime')), readFileSync(local('host-002.lime')), changed].map(sha256)
    expect(images.map((image) => (image as { sha256: string }).sha256).sort()).toEqual(hashes.sort())
    expect(faults).toEqual([])
    // What was analyzed first of two.lime is not in the bucket any more.
    const verified = await startSalvor(['verify', join(folder, 'again')], s3.env).ended
    expect([verified.code, verified.stdout.includes('changed')]).toEqual([3, true])
  })

  test('that is damaged or none costs itself, and what lies beside images is none', async () => {
    const { code, stderr } = await batch('s3://images/node/', 'damaged').ended
    expect([code, ...states(stderr)]).toEqual([
      3,
      'host-000.lime complete',
      'host-001.lime failed',
      'host-002.lime complete',
    ])
  })
})

describe('the tables of a case', () => {
  test('are put into a bucket as Parquet, and by the next run where it could not be reached', async () => {
    const to = (place: string): Running => {
      const args = ['batch', 'processes', local('host-000.lime'), '--case', join(folder, 'parquet')]
      return run([...args, '--parquet-to', place])
    }
    const refused = await to('s3://nowhere/tables').ended
    expect([refused.code, refused.stderr.includes('there is no such bucket')], refused.stderr).toEqual([3, true])
    const { code, stdout } = await to('s3://images/tables/').ended
    expect([code, stdout.includes('(1 of them before)')]).toEqual([0, true])
    const put = readFileSync(join(s3.store, 'images/tables/processes.parquet'))
    expect(put.equals(readFileSync(join(folder, 'parquet/parquet/processes.parquet')))).toBe(true)
    expect(put.subarray(0, 4).toString()).toBe('PAR1')
    expect((await to('/tables').ended).code).toBe(2)
  }, 60_000)
})

describe('on the way', () => {
  test('what breaks off is gone on with where it did', async () => {
    const proxy = await startCutting(s3.port, { after: 1_000_000 })
    try {
      const into = join(folder, 'broken')
      const { code, stderr } = await batch('s3://images/node/host-000.lime', 'broken', { AWS_ENDPOINT_URL: proxy.url })
        .ended
      expect(code, stderr).toBe(0)
      expect(proxy.cuts()).toBeGreaterThan(0)
      const { images } = await contents(into)
      expect(images).toMatchObject([{ sha256: sha256(readFileSync(local('host-000.lime'))) }])
    } finally {
      await proxy.stop()
    }
  })

  test.each([
    [
      'replaced',
      async () => put('half/way.lime', readFileSync(local('host-002.lime'))),
      /it changed while it was read/,
    ],
    ['removed', async () => rmSync(join(s3.store, 'images/half/way.lime')), /there is no such object/],
    ['cut off from', async () => s3.kill(), /cannot be reached|cannot be read/],
  ])(
    'an image that is %s half-way is lost, and had by the next run',
    async (how, disturb, message) => {
      const into = `half-${how.split(' ')[0]}`
      await put('half/way.lime', readFileSync(local('host-000.lime')))
      const proxy = await startCutting(s3.port, { after: 300_000, cut: disturb, most: 1 })
      try {
        const { code, stderr } = await batch('s3://images/half/way.lime', into, { AWS_ENDPOINT_URL: proxy.url }).ended
        expect([code, ...states(stderr)], stderr).toEqual([3, 'way.lime lost'])
        expect(linesOf(stderr)[0]?.error).toMatch(message)
        expect((await contents(join(folder, into))).images).toEqual([])
      } finally {
        await proxy.stop()
        if (how === 'cut off from') await s3.start()
      }
      expect(readdirSync(join(folder, 'spool'))).toEqual([])
      await put('half/way.lime', readFileSync(local('host-000.lime')))
      const { code, stderr } = await batch('s3://images/half/way.lime', into).ended
      expect([code, ...states(stderr)]).toEqual([0, 'way.lime complete'])
    },
    60_000,
  )

  test.each([
    ['a wrong key', 's3://images/node/', { AWS_SECRET_ACCESS_KEY: 'another-secret' }, /the secret key is wrong/],
    ['an unknown user', 's3://images/node/', { AWS_ACCESS_KEY_ID: 'nobody' }, /not known there|No user exists/],
    ['no server', 's3://images/node/', { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, /the server cannot be reached/],
    ['no bucket', 's3://another/node/', {}, /there is no such bucket/],
    ['no object', 's3://images/nothing/', {}, /there is no image/],
    ['no name', 's3:///node', {}, /names no bucket/],
  ])('%s is told in one line, and no case is begun', async (what, source, env, message) => {
    const into = `refused-${what.replace(/\W/g, '-')}`
    const { code, stdout, stderr } = await batch(source, into, env).ended
    expect([code === 2 || code === 3, message.test(stderr)], stderr).toEqual([true, true])
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stdout + stderr).not.toMatch(/another-secret|only-for-this-test/)
    expect(readdirSync(folder)).not.toContain(into)
  })
})

describe('the spool', () => {
  test('takes no more than its limit, and says so before it has begun', async () => {
    mkdirSync(join(s3.store, 'images/large'))
    writeFileSync(join(s3.store, 'images/large/large.lime'), '')
    truncateSync(join(s3.store, 'images/large/large.lime'), 2 ** 30 + 1)
    const args = ['batch', 'processes', 's3://images/large/', '--case', join(folder, 'large'), '--spool-limit', '1']
    const { code, stderr } = await run(args).ended
    expect([code, ...states(stderr)]).toEqual([6, 'large.lime lost'])
    expect(linesOf(stderr)[0]?.error).toMatch(/larger than the 1 GiB that --spool-limit allows/)
  })

  test('on a disk that is full costs the image, and the next run has it', async ({ skip }) => {
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', disk])
    skip(mounted.status !== 0, 'only root can mount a small disk')
    try {
      const args = ['batch', 'processes', 's3://images/node/host-000.lime', '--case', join(folder, 'full')]
      const full = await startSalvor([...args, '--spool-dir', disk], s3.env).ended
      expect([full.code, ...states(full.stderr)]).toEqual([6, 'host-000.lime lost'])
      expect(linesOf(full.stderr)[0]?.error).toMatch(/the disk of .* is full/)
      expect(readdirSync(disk)).toEqual([])
      const { code, stderr } = await run(args).ended
      expect([code, ...states(stderr)]).toEqual([0, 'host-000.lime complete'])
    } finally {
      spawnSync('umount', [disk])
    }
  })

  test('cannot be where nothing can be made', async () => {
    const args = ['processes', 's3://images/node/host-000.lime', '--spool-dir', '/proc/self/spool']
    const { code, stderr } = await startSalvor(args, s3.env).ended
    expect([code, /cannot be spooled into: .*; name a --spool-dir/.test(stderr)], stderr).toEqual([2, true])
  })
})
