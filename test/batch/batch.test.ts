import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Job, jobId, type Settings } from '../../dist/src/batch/job.js'
import { LocalQueue } from '../../dist/src/batch/queue.js'
import { findImages } from '../../dist/src/batch/sources/index.js'
import { missed } from '../../dist/src/case/manifest.js'
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
  expect(await found('tree/**/*.lime')).toEqual([all[0], all[2], all[3]])
  expect(await found('tree/b.raw', 'tree', './tree/b.raw')).toEqual([all[1], all[0], all[2], all[3]])
  writeFileSync(join(folder, 'list'), '# images\ntree/b.raw\n\ntree/below\n')
  expect(await found('@list')).toEqual([all[1], all[2], all[3]])
  expect(await found('missing.lime')).toEqual(['missing.lime'])
  mkdirSync(join(folder, 'kept'))
  writeFileSync(join(folder, 'kept', 'case.duckdb'), '')
  expect(await found('tree/b.raw', 'kept')).toEqual([all[1]])
  await expect(found('kept')).rejects.toMatchObject({ code: 'USAGE' })
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

test('what an image missed is told by warnings, by tables that failed, and by notes of tables without rows', () => {
  const table = (name: string, rows: number, failed?: string) => {
    return { table: name, columns: [], rows, sha256: '', ...(failed === undefined ? {} : { failed }) }
  }
  const warned = (code: string, analyzer: string) => ({ code, message: 'm', analyzer })
  const tables = [table('some', 3), table('none', 0), table('late', 7, 'it took too long')]
  const warnings = [warned('absent', 'some'), warned('unreadable', 'some'), warned('absent', 'none')]
  expect(missed({ tables, warnings })).toBe(3)
  expect(missed({ tables: tables.slice(0, 1), warnings: warnings.slice(0, 1) })).toBe(0)
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
  expect([ended.code, ended.stdout.startsWith('1 image: 1 lost')]).toEqual([6, true])
  expect(readdirSync(limited)).toEqual(['case.duckdb'])
})

test('what cannot be read to its end is lost, whatever it is, and says why', async () => {
  const odd = join(folder, 'odd')
  // A folder is a source whatever it is called: this is nearly an analyzer's name.
  const sources = join(odd, 'in')
  mkdirSync(sources, { recursive: true })
  writeFileSync(join(sources, 'notes'), 'text')
  execFileSync('mkfifo', [join(odd, 'fifo')])
  const gone = join(odd, 'gone', 'x.lime')
  const args = ['batch', 'processes', gone, '/dev/zero', join(odd, 'fifo'), 'in', '--case', join(odd, 'case')]
  const ended = await startSalvor(args, {}, odd).ended
  expect([ended.code, ended.stdout]).toEqual([3, expect.stringMatching(/^4 images: 1 failed, 3 lost/)])
  const said = ended.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const why = new Map(said.map(({ path, error }) => [path, error]))
  expect(why.get(gone)).toBe(`${gone}: no such file`)
  expect(why.get('/dev/zero')).toMatch(/a device, not a regular file/)
  expect(why.get(join(odd, 'fifo'))).toMatch(/a FIFO, not a regular file/)
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
  [['batch', 'package.json', '--case', 'package.json'], /package\.json is a file, and a case is a folder/],
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

test('what was analyzed in one way, then in another, is known in both', async () => {
  const into = join(folder, 'ways')
  makeImages(join(folder, 'way'), 1)
  const image = join(folder, 'way', 'host-000.lime')
  const batch = (...tables: string[]) => startSalvor(['batch', ...tables, image, '--case', into]).ended
  for (const tables of [['processes'], ['namespaces']]) expect((await batch(...tables)).stdout).not.toContain('before')
  for (const tables of [['processes'], ['namespaces'], ['processes']])
    expect((await batch(...tables)).stdout).toMatch(/^1 image: 1 \w+ \(1 of them before\)/)
  expect((await contents(into)).images).toHaveLength(2)
  // Another file of that name is another image.
  writeFileSync(image, 'another')
  expect((await batch('processes')).stdout).toMatch(/^1 image: 1 failed;/)
})

test('each path under which evidence was given is verified, and not the first alone', async () => {
  const [first, second] = ['first.lime', 'second.lime'].map((name) => join(folder, name)) as [string, string]
  makeImages(join(folder, 'one'), 1)
  for (const path of [first, second]) cpSync(join(folder, 'one', 'host-000.lime'), path)
  const into = join(folder, 'copies')
  const batch = await startSalvor(['batch', 'processes', first, second, '--case', into]).ended
  expect([0, 5], batch.stderr).toContain(batch.code)
  const verify = () => startSalvor(['verify', into, '-f', 'ndjson', '-q']).ended
  expect(await verify()).toMatchObject({ code: 0, stdout: '' })
  // Whichever came in last is the copy.
  const [row] = (await startSalvor(['sql', into, 'FROM images', '-f', 'ndjson']).ended).stdout.trim().split('\n')
  const copy = JSON.parse(row ?? '').path === first ? second : first
  writeFileSync(copy, 'another')
  const changed = await verify()
  expect(changed.code).toBe(3)
  expect(JSON.parse(changed.stdout)).toMatchObject({ kind: 'image', what: copy, state: 'changed' })
  rmSync(copy)
  const missing = await verify()
  expect(missing.code).toBe(3)
  expect(JSON.parse(missing.stdout)).toMatchObject({ kind: 'image', what: copy, state: 'missing' })
})
