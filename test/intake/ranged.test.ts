/** Images in a bucket of which only what is read comes here: on a real S3 server, and on servers that do odd things. */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { yaraAddon } from '../../dist/src/paths.js'
import { sampleImage } from '../../dist/src/sample.js'
import { findS3, type S3Server, startS3 } from '../../scripts/servers/s3.mjs'
import { contents, startSalvor } from '../batch/run.js'
import { repository } from '../cli/run.js'
import { startCutting } from './cutting.js'
import { type Oddity, startOdd } from './odd-server.js'

const GIB = 2 ** 30
const MIB = 2 ** 20

let folder: string
let s3: S3Server
let client: S3Client
let why: string | undefined
const local = (name: string): string => join(folder, name)
const lime = sampleImage('docker-debian12')

beforeAll(async () => {
  why = (await findS3()).why
  if (why !== undefined) return
  folder = mkdtempSync(join(tmpdir(), 'salvor-ranged-'))
  for (const name of ['spool', 'tmp']) mkdirSync(local(name))
  s3 = await startS3({ buckets: ['images'] })
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = s3.env
  const credentials = { accessKeyId, secretAccessKey }
  client = new S3Client({ endpoint: s3.url, region: 'us-east-1', forcePathStyle: true, credentials })
  await put('sample.lime', readFileSync(lime))
  for (const format of ['raw', 'elf']) {
    const made = await startSalvor(['convert', lime, local(`sample.${format}`), '--quiet']).ended
    expect(made.code, made.stderr).toBe(0)
  }
  await put('sample.elf', readFileSync(local('sample.elf')))
  // More than a GiB, of which most are zeros, as of a machine with much memory; its server's disk has holes there.
  truncateSync(local('sample.raw'), GIB + 64 * MIB)
  await put('large.raw', 'x')
  spawnSync('cp', ['--sparse=always', local('sample.raw'), join(s3.store, 'images/large.raw')])
}, 240_000)
afterAll(async () => {
  client?.destroy()
  await s3?.stop()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
}, 120_000)
beforeEach(({ skip }) => skip(why !== undefined, why))
afterEach(() => {
  if (folder !== undefined) expect(['spool', 'tmp'].flatMap((name) => readdirSync(local(name)))).toEqual([])
})

async function put(key: string, body: Buffer | string): Promise<void> {
  await client.send(new PutObjectCommand({ Bucket: 'images', Key: key, Body: body }))
}

function salvor(args: readonly string[], env: Record<string, string> = {}) {
  const here = ['--spool-dir', local('spool'), '--cache-dir', local('cache')]
  return startSalvor([...args, ...here], { ...s3.env, TMPDIR: local('tmp'), ...env }).ended
}

/** MiB that a run says were fetched, and of how many. */
function fetched(stderr: string): [number, number] {
  const [, some = 'NaN', all = 'NaN'] = /: ([\d.]+) of ([\d.]+) MiB were fetched, by \d+ requests/.exec(stderr) ?? []
  return [Number(some), Number(all)]
}

describe('an image in a bucket', () => {
  test.each([
    ['sample.lime', 'processes'],
    ['sample.elf', 'processes'],
    ['large.raw', 'processes'],
    ['large.raw', 'containers'],
    ['large.raw', 'sockets'],
    ['sample.lime', 'mounts'],
  ])(
    '%s gives the %s of its file, and need not be here whole',
    async (object, table) => {
      const args = (image: string): string[] => [table, image, '--format', 'csv']
      const file = object === 'sample.lime' ? lime : local(object.replace('large', 'sample'))
      const own = await salvor(args(file))
      const { code, stdout, stderr } = await salvor(args(`s3://images/${object}`))
      expect([code, own.code], stderr).toEqual([0, 0])
      expect(stdout.split('\n').length).toBeGreaterThan(5)
      expect(stdout).toBe(own.stdout)
      const [some, all] = fetched(stderr)
      expect(some).toBeGreaterThan(0)
      // Small samples have what is read side by side.
      expect(some).toBeLessThanOrEqual(object === 'large.raw' ? all / 3 : all)
      if (object === 'large.raw') expect(all).toBe(1088)
    },
    60_000,
  )

  test('is searched as its file is, however much that brings', async () => {
    const args = (image: string): string[] => ['process-scan', image, '--format', 'csv']
    const own = await salvor(args(local('sample.raw')))
    const { code, stdout, stderr } = await salvor(args('s3://images/large.raw'))
    expect([code, own.code], stderr).toEqual([0, 0])
    expect(stdout).toBe(own.stdout)
    expect(fetched(stderr)).toEqual([1088, 1088])
  }, 120_000)

  test('is held against YARA rules as its file is', async ({ skip }) => {
    skip(!existsSync(fileURLToPath(yaraAddon)), 'the addon for YARA rules is not built')
    writeFileSync(local('rules.yar'), 'rule shell { strings: $path = "/bin/bash" condition: $path }')
    const args = (image: string): string[] => ['yara', image, '--rules', local('rules.yar'), '--format', 'csv']
    const own = await salvor(args(lime))
    const { code, stdout, stderr } = await salvor(args('s3://images/sample.lime'))
    expect(code, stderr).toBe(own.code)
    expect(stdout.split('\n').length).toBeGreaterThan(3)
    expect(stdout).toBe(own.stdout)
  }, 60_000)

  test('that is packed comes here whole', async () => {
    await put('sample.lime.gz', readFileSync(join(repository, 'test/samples/docker-debian12/memory.lime.gz')))
    const own = await salvor(['processes', lime, '--format', 'csv'])
    const { code, stdout, stderr } = await salvor(['processes', 's3://images/sample.lime.gz', '--format', 'csv'])
    expect([code, stdout === own.stdout, stderr]).toEqual([0, true, ''])
  }, 60_000)

  test('is hashed by a report, which fetches it whole for that, or not', async () => {
    const args = ['report', 's3://images/sample.lime', '--analyzers', 'processes', '--force', '-o', local('page.html')]
    for (const more of [[], ['--no-hash']]) {
      const { code, stderr } = await salvor([...args, ...more])
      expect([code, stderr.includes('warning')], stderr).toEqual([0, false])
    }
  }, 60_000)
})

describe('half-way', () => {
  test.each([
    [
      'replaced',
      async () => put('way.lime', readFileSync(local('sample.elf'))),
      /it changed while it was read: the same/,
    ],
    ['removed', async () => rmSync(join(s3.store, 'images/way.lime')), /there is no such object/],
    ['cut off from', async () => s3.kill(), /the server cannot be reached/],
  ])(
    'an image that is %s is an error that names the object and the bytes',
    async (how, disturb, message) => {
      await put('way.lime', readFileSync(lime))
      const proxy = await startCutting(s3.port, { after: 3 * MIB, cut: disturb, most: 1 })
      try {
        const args = ['run', 'processes', 'containers', 's3://images/way.lime', '--format', 'json']
        const { code, stderr } = await salvor(args, { AWS_ENDPOINT_URL: proxy.url })
        expect(code, stderr).toBe(3)
        expect(stderr).toMatch(message)
        expect(stderr).toMatch(/s3:\/\/images\/way\.lime, bytes \d+ to \d+: /)
        expect(proxy.cuts()).toBe(1)
      } finally {
        await proxy.stop()
        if (how === 'cut off from') await s3.start()
      }
    },
    60_000,
  )

  test('what breaks off is asked for again', async () => {
    const proxy = await startCutting(s3.port, { after: 3 * MIB, most: 3 })
    try {
      const { code, stdout, stderr } = await salvor(['processes', 's3://images/sample.lime', '--format', 'csv'], {
        AWS_ENDPOINT_URL: proxy.url,
      })
      expect(code, stderr).toBe(0)
      expect(stdout).toBe((await salvor(['processes', lime, '--format', 'csv'])).stdout)
      expect(proxy.cuts()).toBe(3)
    } finally {
      await proxy.stop()
    }
  }, 60_000)

  test.each<[Oddity, RegExp]>([
    ['denied', /s3:\/\/images\/odd, bytes \d+ to \d+: permission denied/],
    ['short', /s3:\/\/images\/odd, bytes \d+ to \d+: the connection breaks off/],
    ['another', /s3:\/\/images\/odd, bytes \d+ to \d+: it changed while it was read/],
    ['whole', /s3:\/\/images\/odd, bytes \d+ to \d+: the server cannot give a part of it/],
  ])(
    'an answer that is %s is no part of the image',
    async (oddity, message) => {
      const odd = await startOdd(readFileSync(lime), { from: 9, oddity })
      try {
        const { code, stdout, stderr } = await salvor(
          ['processes', 's3://images/odd', '--format', 'csv', '--no-cache'],
          {
            AWS_ENDPOINT_URL: odd.url,
          },
        )
        expect(code, stderr).toBe(3)
        expect(stderr).toMatch(message)
        expect(stdout.split('\n').length).toBeLessThan(3)
      } finally {
        await odd.stop()
      }
    },
    60_000,
  )

  test('a server that knows no ranges from the start on is asked for all of it', async () => {
    const odd = await startOdd(readFileSync(lime), { from: 1, oddity: 'whole' })
    try {
      const run = await salvor(['processes', 's3://images/odd', '--format', 'csv'], { AWS_ENDPOINT_URL: odd.url })
      expect([run.code, run.stderr]).toEqual([0, ''])
      expect(run.stdout).toBe((await salvor(['processes', lime, '--format', 'csv'])).stdout)
      // Two looks of two requests each, the first piece, and all of it.
      expect(odd.requests()).toBe(6)
    } finally {
      await odd.stop()
    }
  }, 60_000)
})

describe('the spool', () => {
  test('holds images that are larger than its limit, as long as what is read of them is not', async () => {
    const limited = (table: string) => salvor([table, 's3://images/large.raw', '--format', 'csv', '--spool-limit', '1'])
    const few = await limited('processes')
    expect([few.code, fetched(few.stderr)[1]], few.stderr).toEqual([0, 1088])
    const all = await limited('process-scan')
    expect(all.code, all.stderr).toBe(6)
    expect(all.stderr).toMatch(/large\.raw: more than the 1 GiB that --spool-limit allows would be fetched/)
  }, 120_000)

  test('on a disk that is full is told as that', async ({ skip }) => {
    const disk = join(local('cache'), 'disk')
    mkdirSync(disk, { recursive: true })
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', disk])
    skip(mounted.status !== 0, 'only root can mount a small disk')
    try {
      const args = ['processes', 's3://images/sample.lime', '--spool-dir', disk]
      const { code, stderr } = await startSalvor(args, { ...s3.env, TMPDIR: local('tmp') }).ended
      expect([code, /the disk of .* is full/.test(stderr)], stderr).toEqual([6, true])
    } finally {
      spawnSync('umount', [disk])
    }
  })
})

interface ImageRecord {
  readonly files: readonly { readonly path: string; readonly sha256: string | null; readonly fetched?: number }[]
  readonly sha256: string | null
}

function manifestsOf(folder: string): ImageRecord[] {
  const below = join(folder, 'manifests')
  return readdirSync(below)
    .sort()
    .map((name) => JSON.parse(readFileSync(join(below, name), 'utf8')) as ImageRecord)
}

describe('a batch that is told to', () => {
  function batch(source: string, into: string, env: { [name: string]: string } = {}) {
    return salvor(['batch', 'processes', source, '--case', local(into), '--workers', '1', '--ranged'], env)
  }

  function states(stderr: string): string[] {
    const lines = stderr.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
    return lines.flatMap(({ msg, path, state, known }) =>
      msg === 'image' ? `${path.split('/').at(-1)} ${state}${known ? ' before' : ''}` : [],
    )
  }

  test('fetches what it reads, once, and its case says what is not known of the rest', async () => {
    const gz = readFileSync(join(repository, 'test/samples/docker-debian12/memory.lime.gz'))
    await put('case/one.lime', readFileSync(lime))
    await put('case/packed.gz', gz)
    await put('case/text.lime', `no image ${'.'.repeat(64)}`)
    const first = await batch('s3://images/case/', 'case')
    const ends = ['one.lime complete', 'packed.gz complete', 'text.lime failed']
    expect([first.code, ...states(first.stderr)], first.stderr).toEqual([3, ...ends])
    const [one, packed, text] = manifestsOf(local('case'))
    expect(one).toMatchObject({ sha256: null, files: [{ path: 's3://images/case/one.lime', sha256: null }] })
    expect(one?.files[0]?.fetched).toBeGreaterThan(MIB)
    expect(one?.files[0]?.fetched).toBeLessThanOrEqual(readFileSync(lime).length)
    expect(packed?.sha256).toBe(createHash('sha256').update(gz).digest('hex'))
    expect(text).toMatchObject({ sha256: null, files: [{ bytes: 73 }] })

    await put('case/one.lime', readFileSync(local('sample.elf')))
    const second = await batch('s3://images/case/', 'case')
    const again = ['one.lime complete', 'packed.gz complete before', 'text.lime failed before']
    expect([second.code, ...states(second.stderr).sort()], second.stderr).toEqual([3, ...again])
    const { images, faults } = await contents(local('case'))
    expect([images.length, faults]).toEqual([4, []])
    const verified = await startSalvor(['verify', local('case'), '--all', '--format', 'csv'], s3.env).ended
    const looked = verified.stdout.split('\n').filter((line) => line.startsWith('image,'))
    expect(looked.map((line) => line.replace(/ETag is "\w+", and was "\w+"/, 'ETag is another')).sort()).toEqual([
      expect.stringMatching(/case\/one\.lime,changed,its ETag is another|case\/one\.lime,changed,"its ETag/),
      expect.stringMatching(/case\/one\.lime,unchanged,.*by its ETag and CRC32: only what was read was fetched/),
      expect.stringMatching(/case\/packed\.gz,unchanged,/),
      expect.stringMatching(/case\/text\.lime,unchanged,.*by its ETag and CRC32/),
    ])
    const uco = await salvor([
      ...['batch', 'processes', 's3://images/case/packed.gz', '--case', local('case'), '--ranged'],
      ...['--case-uco', local('case.jsonld')],
    ])
    expect(uco.code, uco.stderr).toBe(0)
    expect(JSON.parse(readFileSync(local('case.jsonld'), 'utf8'))['@graph'].length).toBeGreaterThan(10)
  }, 90_000)

  test.each([
    ['replaced', async () => put('way/way.lime', readFileSync(local('sample.elf')))],
    ['cut off from', async () => s3.kill()],
  ])(
    'has no result of an image that is %s half-way, and has it the next time',
    async (how, disturb) => {
      const into = `way-${how.split(' ')[0]}`
      await put('way/way.lime', readFileSync(lime))
      const proxy = await startCutting(s3.port, { after: 3 * MIB, cut: disturb, most: 1 })
      try {
        const { code, stderr } = await batch('s3://images/way/way.lime', into, { AWS_ENDPOINT_URL: proxy.url })
        expect([code, ...states(stderr)], stderr).toEqual([3, 'way.lime lost'])
        expect((await contents(local(into))).images).toEqual([])
      } finally {
        await proxy.stop()
        if (how === 'cut off from') await s3.start()
      }
      const { code, stderr } = await batch('s3://images/way/way.lime', into)
      expect([code, ...states(stderr)], stderr).toEqual([0, 'way.lime complete'])
    },
    60_000,
  )
})
