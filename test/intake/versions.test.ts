/** Objects of a bucket that keeps their versions, and what a real S3 server says of their content. */

import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DeleteObjectCommand, PutBucketVersioningCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { EvidenceFileRecord } from '../../dist/src/case/manifest.js'
import type { Bucket } from '../../dist/src/intake/s3/bucket.js'
import { Pieces } from '../../dist/src/intake/s3/pieces.js'
import { COUNTS } from '../../dist/src/intake/s3/ranged.js'
import { yaraAddon } from '../../dist/src/paths.js'
import { sampleImage } from '../../dist/src/sample.js'
import { findS3, type S3Server, startS3 } from '../../scripts/servers/s3.mjs'
import { startSalvor } from '../batch/run.js'
import { startCutting } from './cutting.js'
import { startOdd } from './odd-server.js'

const MIB = 2 ** 20

let folder: string
let s3: S3Server
let client: S3Client
let why: string | undefined
const local = (name: string): string => join(folder, name)
const lime = readFileSync(sampleImage('docker-debian12'))
const other = readFileSync(sampleImage('podman-debian11'))
const sha256 = createHash('sha256').update(lime).digest()

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-versions-'))
  for (const name of ['spool', 'tmp']) mkdirSync(local(name))
  why = (await findS3()).why
  if (why !== undefined) return
  s3 = await startS3({ buckets: ['images', 'plain'], versions: true })
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = s3.env
  const credentials = { accessKeyId, secretAccessKey }
  client = new S3Client({ endpoint: s3.url, region: 'us-east-1', forcePathStyle: true, credentials })
  const VersioningConfiguration = { Status: 'Enabled' } as const
  await client.send(new PutBucketVersioningCommand({ Bucket: 'images', VersioningConfiguration }))
}, 60_000)
afterAll(async () => {
  client?.destroy()
  await s3?.stop()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)
beforeEach(({ skip }) => skip(why !== undefined, why))
afterEach(() => expect(['spool', 'tmp'].flatMap((name) => readdirSync(local(name)))).toEqual([]))

/** Puts an object, and answers which version of it that is. */
async function put(key: string, body: Buffer, bucket = 'images'): Promise<string | undefined> {
  const ChecksumAlgorithm = 'SHA256' as const
  return (await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ChecksumAlgorithm })))
    .VersionId
}

function salvor(args: readonly string[], env: Record<string, string> = {}) {
  const here = ['--spool-dir', local('spool'), '--cache-dir', local('cache')]
  return startSalvor([...args, ...here], { ...s3.env, TMPDIR: local('tmp'), ...env }).ended
}

function batch(source: string, into: string, more: readonly string[] = [], env: Record<string, string> = {}) {
  return salvor(['batch', 'processes', source, '--case', local(into), '--workers', '1', ...more], env)
}

function filesOf(into: string): EvidenceFileRecord[] {
  const below = join(local(into), 'manifests')
  const names = readdirSync(below).sort()
  return names.flatMap((name) => JSON.parse(readFileSync(join(below, name), 'utf8')).files)
}

/** What verify says of images. */
async function verified(into: string): Promise<[number | null, ...string[]]> {
  const { code, stdout } = await startSalvor(['verify', local(into), '--all', '--format', 'ndjson'], s3.env).ended
  const rows = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
  return [code, ...rows.flatMap(({ kind, state, how }) => (kind === 'image' ? [`${state}: ${how}`] : []))]
}

describe('a version of an image', () => {
  const checksum = { algorithm: 'SHA256', value: sha256.toString('base64'), of: 'object' }

  test('is read to its end, whatever is put in its place, and is on record', async () => {
    const version = await put('way.lime', lime)
    let newer: string | undefined
    const replace = async (): Promise<void> => {
      newer = await put('way.lime', other)
    }
    const proxy = await startCutting(s3.port, { after: 3 * MIB, cut: replace, most: 1 })
    try {
      const { code, stderr } = await batch('s3://images/way.lime', 'ranged', ['--ranged'], {
        AWS_ENDPOINT_URL: proxy.url,
      })
      expect(code, stderr).toBe(0)
      expect(proxy.cuts()).toBe(1)
    } finally {
      await proxy.stop()
    }
    expect(newer).not.toBe(version)
    expect(filesOf('ranged')).toMatchObject([{ sha256: null, bytes: lime.length, version, checksum }])
    const by = `version ${version}, by its ETag and SHA256: only what was read was fetched, and nothing hashed`
    expect(await verified('ranged')).toEqual([0, `unchanged: ${by}`])

    await client.send(new DeleteObjectCommand({ Bucket: 'images', Key: 'way.lime' }))
    expect(await verified('ranged')).toEqual([0, `unchanged: ${by}`])
    await client.send(new DeleteObjectCommand({ Bucket: 'images', Key: 'way.lime', VersionId: version }))
    expect(await verified('ranged')).toEqual([3, `missing: version ${version}`])
  }, 90_000)

  test('that is fetched whole is hashed as it was, whatever has its name by now', async () => {
    const version = await put('whole.lime', lime)
    const { code, stderr } = await batch('s3://images/whole.lime', 'whole')
    expect(code, stderr).toBe(0)
    expect(filesOf('whole')).toMatchObject([{ sha256: sha256.toString('hex'), version, checksum }])
    await put('whole.lime', other)
    expect(await verified('whole')).toEqual([0, 'unchanged: null'])
  }, 90_000)

  test('that nobody here may name is read by its name', async () => {
    const odd = await startOdd(lime, { from: 1000, oddity: 'short', version: 'secret' })
    try {
      const env = { AWS_ENDPOINT_URL: odd.url }
      const { code, stderr } = await batch('s3://images/odd', 'odd', ['--ranged'], env)
      // It cannot be listed there.
      expect([code, filesOf('odd')[0]?.version], stderr).toEqual([0, 'secret'])
    } finally {
      await odd.stop()
    }
  }, 60_000)
})

test('an image that is not what its server has on record is no image', async () => {
  await put('bad.lime', lime, 'plain')
  const damaged = Buffer.from(lime)
  damaged.writeUInt8(1, damaged.length - 5)
  writeFileSync(join(s3.store, 'plain/bad.lime'), damaged)
  const { code, stderr } = await batch('s3://plain/bad.lime', 'bad')
  expect(code, stderr).toBe(3)
  expect(stderr).toMatch(/its SHA-256 is [0-9a-f]{64}, and its server has \S+ \(base64\) on record: it was damaged/)
}, 60_000)

describe('how much was fetched is said by', () => {
  const said = /note: s3:\/\/plain\/a\.lime: [\d.]+ of [\d.]+ MiB were fetched, by \d+ requests/
  beforeAll(async () => {
    if (why !== undefined) return
    await put('a.lime', lime, 'plain')
    await put('b.lime', other, 'plain')
  })

  test.each([
    ['sql', ['s3://plain/a.lime', 'SELECT count(*) FROM processes']],
    ['compare', ['s3://plain/a.lime', 's3://plain/b.lime', '--tables', 'processes']],
    ['report', ['s3://plain/a.lime', '--no-hash', '--analyzers', 'processes']],
  ])(
    '%s',
    async (command, args) => {
      const output = ['--output', local(`${command}.out`), '--force']
      const { code, stderr } = await salvor([command, ...args, ...output])
      expect(code, stderr).toBe(0)
      expect(stderr).toMatch(said)
      if (command === 'compare') expect(stderr).toMatch(/note: s3:\/\/plain\/b\.lime: .* were fetched/)
    },
    60_000,
  )
})

test('a hunt with YARA rules fetches the images of a case again, if they still are what was analyzed', async ({
  skip,
}) => {
  skip(!existsSync(fileURLToPath(yaraAddon)), 'the addon for YARA rules is not built')
  writeFileSync(local('rules.yar'), 'rule shell { strings: $path = "/bin/bash" condition: $path }')
  const hunt = async () => {
    const args = ['hunt', local('hunt'), '--yara', local('rules.yar'), '--format', 'ndjson']
    const { stdout, stderr } = await salvor(args)
    return { found: stdout.split('\n').filter((line) => line.includes('shell')).length, stderr }
  }
  await put('hunt.lime', lime, 'plain')
  for (const more of [[], ['--ranged']]) {
    const { code, stderr } = await batch('s3://plain/hunt.lime', 'hunt', more)
    expect(code, stderr).toBe(0)
  }
  const both = await hunt()
  expect(both.found, both.stderr).toBeGreaterThan(0)
  expect(both.stderr).toMatch(/hunt\.lime: [\d.]+ of [\d.]+ MiB were fetched/)
  expect(both.stderr).not.toMatch(/not searched/)

  await put('hunt.lime', other, 'plain')
  const none = await hunt()
  expect(none.found).toBe(0)
  expect(none.stderr).toMatch(/not searched: s3:\S+hunt\.lime is another than was analyzed: its SHA-256 is/)
  expect(none.stderr).toMatch(/not searched: s3:\S+hunt\.lime is another than was analyzed: its ETag is/)
}, 120_000)

test('what is welcome is brought within the limit, and what is needed up to it', async () => {
  const given: [number, number][] = []
  const bucket = {
    part: async (_object: unknown, from: number, to: number) => {
      given.push([from / MIB, to / MIB])
      return new Uint8Array(to - from)
    },
  } as unknown as Bucket
  const object = { bucket: 'b', key: 'k', bytes: 64 * MIB, etag: '"e"', modified: 0n }
  const counts = new BigInt64Array(3)
  const descriptor = openSync(local('file'), 'w')
  try {
    const pieces = new Pieces(bucket, object, { folder: local('spool'), limit: 6 * MIB }, descriptor, counts)
    expect(await pieces.bring(0, MIB, 4 * MIB)).toBe(4 * MIB)
    expect(await pieces.bring(4 * MIB, MIB, 8 * MIB)).toBe(MIB)
    expect(await pieces.bring(5 * MIB, MIB, 32 * MIB)).toBe(MIB)
    await expect(pieces.bring(6 * MIB, MIB, MIB)).rejects.toMatchObject({ code: 'LIMIT' })
    expect(given).toEqual([
      [0, 4],
      [4, 5],
      [5, 6],
    ])
    expect([counts[COUNTS.bytes], counts[COUNTS.failures]]).toEqual([BigInt(6 * MIB), 1n])
  } finally {
    closeSync(descriptor)
  }
})
