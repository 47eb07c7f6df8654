/** When an upload is over. */

import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Arrivals } from '../../dist/src/watch/arrivals.js'
import { watchedFolder } from '../../dist/src/watch/folder.js'

const SETTLE = 1000

let folder: string
let now: number
let troubles: string[]
let arrivals: Arrivals
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-arrivals-'))
  now = 0
  troubles = []
  arrivals = begin()
})
afterEach(() => rmSync(folder, { recursive: true }))

function begin(): Arrivals {
  const told = (trouble: string): number => troubles.push(trouble)
  return new Arrivals([watchedFolder(folder)], { settle: SETTLE, told, now: () => now })
}

/** What is handed out at a moment, without the folder. */
async function at(moment: number): Promise<string[]> {
  now = moment
  return (await arrivals.poll()).map(({ path }) => path.slice(folder.length + 1))
}

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)

function manifest(files: readonly object[], complete = true): string {
  const moment = '2026-01-01T00:00:00Z'
  const common = { started: moment, ended: moment, sha256: 'a'.repeat(64) }
  const own = { schema: 'salvor-acquisition-1', case: 'IR-7', complete, host: { name: 'node' } }
  return JSON.stringify({ ...own, ...common, files: files.map((file) => ({ ...common, ...file })) })
}

test('a file counts when it has not changed for a while, and once', async () => {
  write('a.lime', 'one')
  expect(await at(0)).toEqual([])
  expect(arrivals.waiting).toBe(1)
  expect(await at(SETTLE - 1)).toEqual([])
  appendFileSync(join(folder, 'a.lime'), 'more')
  expect(await at(SETTLE)).toEqual([])
  expect(await at(2 * SETTLE - 1)).toEqual([])
  expect(await at(2 * SETTLE)).toEqual(['a.lime'])
  expect(await at(9 * SETTLE)).toEqual([])
  // Another file of that name is another image.
  rmSync(join(folder, 'a.lime'))
  write('a.lime', 'another')
  expect(await at(10 * SETTLE)).toEqual([])
  expect(await at(11 * SETTLE)).toEqual(['a.lime'])
  expect(troubles).toEqual([])
})

test('a file that somebody has open to write does not count, however long it rests', async () => {
  write('a.lime', 'begun')
  const reading = openSync(join(folder, 'a.lime'), 'r')
  const writing = openSync(join(folder, 'a.lime'), 'a')
  await at(0)
  expect(await at(60 * SETTLE)).toEqual([])
  expect(arrivals.waiting).toBe(1)
  closeSync(writing)
  expect(await at(61 * SETTLE)).toEqual(['a.lime'])
  closeSync(reading)
})

test('a manifest says what is whole, and what is no image', async () => {
  write('node.lime', '12345')
  write('pod.tar', 'archive')
  write('node.manifest.json', manifest([{ name: 'node.lime', kind: 'memory', size: 8 }]))
  expect(await at(0)).toEqual([])
  expect(await at(5 * SETTLE)).toEqual(['pod.tar'])
  expect(troubles).toEqual([`${join(folder, 'node.lime')}: it has 5 bytes, and its manifest says 8`])
  // It is told once, and taken at once when the rest is there.
  expect(await at(6 * SETTLE)).toEqual([])
  expect(troubles).toHaveLength(1)
  write('node.lime', '12345678')
  expect(await at(6 * SETTLE + 1)).toEqual(['node.lime'])
  expect(arrivals.claim(join(folder, 'node.lime'))?.sha256).toBe('a'.repeat(64))
  write('record.bin', 'x')
  write('record.manifest.json', manifest([{ name: 'record.bin', kind: 'record', size: 1 }]))
  await at(7 * SETTLE)
  expect(await at(9 * SETTLE)).toEqual([])
  expect(arrivals.waiting).toBe(0)
})

test.each([
  ['half of one', manifest([{ name: 'a.lime', kind: 'memory', size: 3 }]).slice(0, -9)],
  ['one of a capture that is not complete', manifest([{ name: 'a.lime', kind: 'memory', size: 3 }], false)],
  ['one that names a path', manifest([{ name: '../a.lime', kind: 'memory', size: 3 }])],
  ['none at all', '[]'],
])('a manifest that is %s says nothing', async (_, text) => {
  write('a.lime', 'one')
  write('a.manifest.json', text)
  expect(await at(0)).toEqual([])
  expect(await at(SETTLE)).toEqual(['a.lime'])
})

test('names and kinds of files that others choose', async () => {
  mkdirSync(join(folder, 'below', 'deep'), { recursive: true })
  const names = ['-', '--case', '@list', 's3:', 'a\nb\u001b[31m.lime', 'below/deep/*?.lime', 'ü.lime', '$(x).lime']
  for (const name of names) write(name, 'x')
  for (const name of ['.hidden.lime', 'a.part', 'b.tmp', 'c.filepart', 'notes.txt', 'empty.lime']) write(name, 'x')
  writeFileSync(join(folder, 'empty.lime'), '')
  symlinkSync('/etc/passwd', join(folder, 'link.lime'))
  symlinkSync('/', join(folder, 'link'))
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/no-`), Buffer.from([0xff]), Buffer.from('.lime')]), 'x')
  await at(0)
  expect((await at(SETTLE)).sort()).toEqual([...names].sort())
  expect(troubles).toEqual([expect.stringContaining('no-\ufffd.lime')])
})

test('what is lost is handed out again, later each time', async () => {
  write('a.lime', 'one')
  await at(0)
  expect(await at(SETTLE)).toEqual(['a.lime'])
  arrivals.lost(join(folder, 'a.lime'))
  expect(await at(3 * SETTLE - 1)).toEqual([])
  expect(await at(3 * SETTLE)).toEqual(['a.lime'])
  arrivals.lost(join(folder, 'a.lime'))
  expect(await at(7 * SETTLE - 1)).toEqual([])
  expect(await at(7 * SETTLE)).toEqual(['a.lime'])
})

test('a folder that goes away and comes back is told of once, and nothing is handed out twice', async () => {
  const place = join(folder, 'place')
  mkdirSync(place)
  const told = (trouble: string): number => troubles.push(trouble)
  arrivals = new Arrivals([watchedFolder(place)], { settle: SETTLE, told, now: () => now })
  write('place/a.lime', 'one')
  await at(0)
  expect(await at(SETTLE)).toEqual(['place/a.lime'])
  renameSync(place, `${place}-away`)
  expect([await at(2 * SETTLE), await at(3 * SETTLE)]).toEqual([[], []])
  expect(troubles).toEqual([`${place}: there is no folder`])
  renameSync(`${place}-away`, place)
  expect([await at(4 * SETTLE), await at(9 * SETTLE)]).toEqual([[], []])
})
