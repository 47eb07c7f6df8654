/** Results on their way: whole or not there, and held against what they say of themselves. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from 'tar'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Job, jobId, type Settings } from '../../dist/src/batch/job.js'
import { pack, type Result, unpack } from '../../dist/src/batch/redis/pack.js'
import { SharedFolder } from '../../dist/src/batch/redis/place.js'
import { sha256Of } from '../../dist/src/file-hash.js'

const settings: Settings = { version: '1', tables: [], plugins: [], timeout: null, memory: null }
const job: Job = { path: '/x', settings, limits: {}, threads: 1, cacheDir: null }
const ROWS = '{"#":0}\n{"#":1}\n'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-result-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const made = (name: string): string => {
  const path = join(folder, name)
  mkdirSync(path)
  return path
}

function result(rows = ROWS, changes: object = {}): Result {
  const file = join(made('made'), 'processes.ndjson')
  writeFileSync(file, rows)
  const table = { table: 'processes', columns: [], rows: 2, sha256: sha256Of(ROWS) }
  const record = { job: jobId('evidence', settings), sha256: 'evidence', files: [], tables: [table], ...changes }
  return { kind: 'result', record, tables: [{ analyzer: 'processes', file }] } as unknown as Result
}

test('a result comes out as it went in', async () => {
  const sent = result()
  const found = await unpack(await pack(sent, made('packed')), made('out'), job)
  expect(found.record).toEqual(sent.record)
  expect(readFileSync(found.tables[0]?.file ?? '', 'utf8')).toBe(ROWS)
})

test.each([
  ['rows that are others', () => result(`${ROWS}x`), /rows of processes are others/],
  ['another job', () => result(ROWS, { job: jobId('other', settings) }), /of another job/],
  ['a table that is missing', () => ({ ...result(), tables: [] }), /processes is missing/],
])('%s are refused', async (_what, make, message) => {
  const packed = await pack(make(), made('packed'))
  await expect(unpack(packed, made('out'), job)).rejects.toThrow(message)
})

test('what is cut off, is no result or wants to be elsewhere is refused', async () => {
  const packed = await pack(result(), made('packed'))
  const whole = readFileSync(packed)
  for (const [index, bytes] of [
    whole.subarray(0, whole.length / 2),
    Buffer.from('no result'),
    Buffer.alloc(0),
  ].entries()) {
    const file = join(folder, `damaged-${index}`)
    writeFileSync(file, bytes)
    await expect(unpack(file, made(`out-${index}`), job)).rejects.toMatchObject({ code: 'EVIDENCE' })
  }
  const evil = made('evil')
  const secret = join(folder, 'secret')
  writeFileSync(secret, 'secret')
  symlinkSync(secret, join(evil, 'result.json'))
  writeFileSync(join(folder, 'outside.ndjson'), 'x')
  const file = join(folder, 'evil.tar.gz')
  await create({ gzip: true, cwd: evil, file, preservePaths: true }, ['result.json', '../outside.ndjson'])
  const out = made('out')
  await expect(unpack(file, out, job)).rejects.toMatchObject({ code: 'EVIDENCE' })
  expect(readdirSync(out)).toEqual([])
})

test('a shared folder takes files whole, the last of a name, and none when the batch is over', async () => {
  const root = made('root')
  const place = new SharedFolder(root, 'ab')
  expect(await place.state()).toBe('over')
  expect(await new SharedFolder(join(root, 'none'), 'ab').state()).toBe('away')
  const file = join(folder, 'file')
  writeFileSync(file, '1')
  expect(await place.put('x', file)).toBe(false)
  await place.open()
  expect([await place.state(), await place.has('x'), await place.get('x', join(folder, 'got'))]).toEqual([
    'open',
    false,
    false,
  ])
  expect(await place.put('x', file)).toBe(true)
  writeFileSync(file, '2')
  expect(await place.put('x', file)).toBe(true)
  // What a worker that was killed has left.
  writeFileSync(join(root, 'salvor-ab', 'y.result.0.part'), '')
  expect(await place.names()).toEqual(['x'])
  expect(await place.get('x', join(folder, 'got'))).toBe(true)
  expect(readFileSync(join(folder, 'got'), 'utf8')).toBe('2')
  await place.remove('x')
  expect(await place.names()).toEqual([])
  await place.close()
  expect(readdirSync(root)).toEqual([])
})
