import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Job, jobId, type Settings } from '../../dist/src/batch/job.js'
import { LocalQueue } from '../../dist/src/batch/queue.js'
import { findImages } from '../../dist/src/batch/sources/index.js'
import { exitCodes } from '../../dist/src/engine/status.js'
import { makeImages } from './images.js'
import { contents, startSalvor } from './run.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-batch-'))
  for (const name of ['a.lime', 'b.raw', 'below/c.lime', 'below/c.lime.sha256', '.hidden', 'below/deep/d.lime']) {
    mkdirSync(join(folder, 'tree', name, '..'), { recursive: true })
    writeFileSync(join(folder, 'tree', name), name)
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

async function found(...words: string[]): Promise<string[]> {
  return (await findImages(words, folder)).map(({ path }) => path.slice(folder.length + 1))
}

test('a source is a file, a folder, a pattern or a list of them, each image once', async () => {
  const all = ['tree/a.lime', 'tree/b.raw', 'tree/below/c.lime', 'tree/below/deep/d.lime']
  expect(await found('tree')).toEqual(all)
  expect(await found('tree/*.lime')).toEqual(['tree/a.lime'])
  expect(await found('tree/**.lime')).toEqual([all[0], all[2], all[3]])
  expect(await found('tree/b.raw', 'tree', './tree/b.raw')).toEqual([all[1], all[0], all[2], all[3]])
  writeFileSync(join(folder, 'list'), '# images\ntree/b.raw\n\ntree/below\n')
  expect(await found('@list')).toEqual([all[1], all[2], all[3]])
  expect(await found('missing.lime')).toEqual(['missing.lime'])
  await expect(found('tree/*.avml')).rejects.toMatchObject({ code: 'USAGE' })
  writeFileSync(join(folder, 'circle'), '@circle\n')
  await expect(found('@circle')).rejects.toThrow(/back to itself/)
})

const settings: Settings = {
  version: '1',
  tables: [{ analyzer: 'x', options: {} }],
  plugins: [],
  timeout: null,
  memory: null,
}

test('a job is its evidence, version, options and analyzers, and no path', () => {
  const id = jobId('e', settings)
  expect(jobId('e', { ...settings })).toBe(id)
  const others = [
    jobId('f', settings),
    jobId('e', { ...settings, version: '2' }),
    jobId('e', { ...settings, timeout: 5 }),
  ]
  expect(new Set([id, ...others]).size).toBe(4)
})

test('a job that is given back is taken again, and nobody goes home before', async () => {
  const job: Job = { path: 'x', settings, limits: {}, threads: 1, cacheDir: null }
  const finished: string[] = []
  const queue = new LocalQueue([job], async (_job, outcome) => void finished.push(outcome.kind))
  const first = await queue.claim()
  const waiting = queue.claim()
  await first?.giveBack()
  const second = await waiting
  expect(second?.attempt).toBe(2)
  const end = queue.claim()
  await second?.finish({ kind: 'lost', why: '', exitCode: 1 })
  expect(await end).toBeUndefined()
  expect(finished).toEqual(['lost'])
})

test('a damaged image costs that image; what is done is not done again, limits end one image', async () => {
  const images = join(folder, 'images')
  makeImages(images, 2)
  const into = join(folder, 'case')
  const args = ['batch', 'processes', images, '--case', into]
  const once = await startSalvor([...args, '--parquet']).ended
  expect(once.code, once.stderr).toBe(3)
  expect(once.stdout).toMatch(/^2 images: 1 complete, 1 failed; salvor case /)
  const lines = once.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines.map(({ msg }) => msg)).toEqual(['batch begins', 'image', 'image'])
  const before = await contents(into)
  expect(before.faults).toEqual([])
  expect(existsSync(join(into, 'parquet', 'processes.parquet'))).toBe(true)
  const again = await startSalvor(args).ended
  expect([again.code, again.stdout.includes('(2 of them before)')]).toEqual([3, true])
  expect(await contents(into)).toEqual(before)

  const limited = join(folder, 'limited')
  const ended = await startSalvor([
    'batch',
    'processes',
    join(images, 'host-000.lime'),
    '--case',
    limited,
    '--image-memory',
    '1',
  ]).ended
  expect([ended.code, ended.stdout.startsWith('1 images: 1 lost')]).toEqual([6, true])
  expect(readdirSync(limited)).toEqual(['case.duckdb'])
})

test.each([
  [['batch', 'processes'], /no source/],
  [['batch', 'x.lime'], /--case DIR/],
  [['batch', 'processes', 'x.lime', '--case', 'c', '--profile', 'quick'], /not both/],
  [['batch', 'x.lime', '--case', 'c', '--queue', 'redis://h'], /--queue needs --results DIR/],
  [
    ['batch', 'x.lime', '--case', 'c', '--queue', 'redis://h', '--results', 'r', '--workers', '2'],
    /salvor worker takes/,
  ],
  [['batch', 'x.lime', '--case', 'c', '--queue', 'env', '--results', 'r'], /REDIS_URL is not set/],
  [['worker'], /needs a queue/],
  [['batch', 'extract', 'x.lime', '--case', 'c'], /writes files/],
  [['sql', '.', 'SELECT 1', '--saved', 'images'], /not both/],
])('what makes no sense is one line: %j', async (args, message) => {
  const { code, stderr } = await startSalvor(args).ended
  expect([code, message.test(stderr)]).toEqual([2, true])
})

test('an image that unpacks to more than it may costs itself', async () => {
  const packed = join(folder, 'packed')
  mkdirSync(packed)
  const image = join(packed, 'zeros.raw.gz')
  // Members of gzip may follow one another: more than a GiB of zeros.
  const member = gzipSync(Buffer.alloc(64 << 20))
  writeFileSync(image, Buffer.concat(Array.from({ length: 17 }, () => member)))
  const place = ['--cache-dir', join(packed, 'cache'), '--unpack-limit', '1']
  const batch = await startSalvor(['batch', 'info', image, '--case', join(packed, 'case'), ...place]).ended
  expect(batch.stderr).toMatch(/more than 1073741824 bytes/)
  expect(batch.code).toBe(exitCodes.evidence)
  const sql = await startSalvor(['sql', image, 'SELECT 1', ...place]).ended
  expect([sql.code, /more than 1073741824 bytes/.test(sql.stderr)]).toEqual([exitCodes.evidence, true])
}, 60_000)
