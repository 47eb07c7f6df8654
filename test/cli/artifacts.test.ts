import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Ended, fixture, start } from './run.js'

let directory: string
let folder: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'salvor-artifacts-'))
  folder = join(directory, 'out')
})
afterEach(() => rmSync(directory, { recursive: true }))

const plugin = ['--plugin', fixture('files.mjs'), '--format', 'ndjson']
const run = (...args: string[]): Promise<Ended> => start([...args, ...plugin], { directory }).ended

interface Row {
  name: string
  file: { file: string; bytes: number; sha256: string }
}

const rowsOf = ({ stdout }: Ended): Row[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)

function expectWritten({ file: { file, bytes, sha256 } }: Row): string {
  const path = join(folder, file)
  const contents = readFileSync(path)
  expect(lstatSync(path).isFile()).toBe(true)
  expect([contents.length, createHash('sha256').update(contents).digest('hex')]).toEqual([bytes, sha256])
  return contents.toString()
}

const HOSTILE = [
  '../../escaped',
  '/etc/passwd',
  '..',
  '.',
  '',
  'a\0b',
  'line\nbreak\u001b[31m',
  '\u202etxt.exe',
  '\ud800',
  '.hidden',
  '-rf',
  '~root',
  'back\\slash',
  `${'é'.repeat(300)}`,
  'plain.txt',
  'plain.txt',
  'plain.txt',
  'PLAIN.TXT',
]

test('files go nowhere but into the folder, whatever they are called, and are what their rows say', async () => {
  writeFileSync(join(directory, 'names.json'), JSON.stringify(HOSTILE))
  const ended = await run('recovered', 'x', '--called', 'names.json', '--output-dir', folder)
  expect([ended.code, ended.stderr]).toEqual([0, ''])
  const rows = rowsOf(ended)
  expect(rows).toHaveLength(HOSTILE.length)
  for (const [index, row] of rows.entries()) {
    expect(row.file.file).toMatch(/^[^/\p{C}\\.~-][^/\p{C}\\]*$/u)
    expect(expectWritten(row)).toBe(Buffer.from(`contents of ${HOSTILE[index]}`).toString())
  }
  expect(readdirSync(folder).sort()).toEqual(rows.map(({ file }) => file.file).sort())
  expect(rows.filter(({ name }) => name === 'plain.txt').map(({ file }) => file.file)).toEqual([
    'plain.txt',
    'plain.txt~2',
    'plain.txt~3',
  ])
  expect(readdirSync(directory).sort()).toEqual(['names.json', 'out'])
})

test('folders are made of names alone, in the folder and nowhere else, and follow no link', async () => {
  const names = [
    ['a', 'b', 'file'],
    ['a', 'b', 'file'],
    ['..', '..', 'escaped'],
    ['/etc', 'passwd'],
    ['', '.', 'x'],
    ['a', 'b'],
    ['a', 'b', 'file', 'below a file'],
    Array.from({ length: 3000 }, () => 'deep'),
    Array.from({ length: 40 }, () => 'é'.repeat(300)),
    ['link', 'file'],
    [],
  ]
  writeFileSync(join(directory, 'names.json'), JSON.stringify(names))
  mkdirSync(folder)
  mkdirSync(join(directory, 'outside'))
  symlinkSync(join(directory, 'outside'), join(folder, 'link'))
  const ended = await run('recovered', 'x', '--called', 'names.json', '-d', folder, '--force')
  expect([ended.code, ended.stderr]).toEqual([0, ''])
  const rows = rowsOf(ended)
  rows.forEach(expectWritten)
  const written = rows.map(({ file }) => file.file)
  expect(written.slice(0, 7)).toEqual([
    'a/b/file',
    'a/b/file~2',
    '_./_./escaped',
    '_etc/passwd',
    'unnamed/_/x',
    'a/b~2',
    'a/b/file~3/below a file',
  ])
  expect(written.at(-2)).toBe('link~2/file')
  expect(new Set(written).size).toBe(names.length)
  for (const name of written) expect(Buffer.byteLength(name)).toBeLessThan(2300)
  expect(readdirSync(join(directory, 'outside'))).toEqual([])
  expect(readdirSync(directory).sort()).toEqual(['names.json', 'out', 'outside'])
})

test('a file with holes is hashed as it reads, and what is not finished is not there', async () => {
  const [row, ...others] = rowsOf(await run('sparse', 'x', '-d', folder))
  expect(others).toEqual([])
  if (row === undefined) throw new Error('no row')
  const contents = expectWritten(row)
  expect(contents.slice(0, 9)).toBe('\0\0\0\0start')
  expect(contents.slice(-3)).toBe('end')
  expect(lstatSync(join(folder, 'sparse')).blocks * 512).toBeLessThan(1 << 20)
  expect(readdirSync(folder)).toEqual(['sparse'])
})

test('a table that is ended, or a run that is, leaves whole files only', async () => {
  const limited = await run('halfway', 'x', '-d', folder, '--timeout', '1')
  expect(limited.code).toBe(6)
  expect(readdirSync(folder)).toEqual(['whole'])
  const second = join(directory, 'second')
  const { child, ended } = start(['halfway', 'x', '-d', second, ...plugin], { directory })
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  child.stdout?.resume()
  child.kill('SIGINT')
  expect((await ended).code).toBe(130)
  expect(readdirSync(second)).toEqual(['whole'])
})

test('several images and tables do not write over one another', async () => {
  const ended = await run('run', 'sparse', 'halfway', 'a/x', 'b/x', '--halfway.x', '-d', folder).catch(() => null)
  expect(ended?.code).toBe(2)
  writeFileSync(join(directory, 'names.json'), '["sparse"]')
  const both = await run('run', 'sparse', 'recovered', 'a/x', 'b/x', '--recovered.called', 'names.json', '-d', folder)
  expect(both.code).toBe(0)
  const rows = rowsOf(both)
  expect(rows.map(({ file }) => file.file).sort()).toEqual(['1-x/sparse', '1-x/sparse~2', '2-x/sparse', '2-x/sparse~2'])
  rows.forEach(expectWritten)
})

test('a folder that holds anything, or what is read, is refused before the run', async () => {
  mkdirSync(folder)
  writeFileSync(join(folder, 'image'), 'evidence')
  const refused = async (image: string, ...options: string[]) => (await run('sparse', image, ...options)).stderr
  expect(await refused('x', '-d', folder)).toMatch(/out is not empty: --force writes beside what is in it/)
  expect(await refused(join(folder, 'image'), '-d', folder, '--force')).toMatch(/is read by this run and lies in/)
  expect(await refused(join(folder, 'image'), '-d', join(folder, 'image'))).toMatch(/is read by this run/)
  expect(await refused('x', '-d', join(folder, 'image', 'below'))).toMatch(/is no directory, and files need/)
  symlinkSync('/', join(directory, 'root'))
  expect(await refused(join(folder, 'image'), '-d', join(directory, 'root'), '--force')).toMatch(/lies in/)
  expect(await refused('x')).toBe('salvor: sparse writes files: name a folder with --output-dir\n')
  expect(readdirSync(folder)).toEqual(['image'])
  expect(existsSync(join(directory, 'second'))).toBe(false)
})

test('--force writes beside what is there, and follows no link', async () => {
  mkdirSync(folder)
  const outside = join(directory, 'outside')
  writeFileSync(outside, 'untouched')
  symlinkSync(outside, join(folder, 'sparse'))
  symlinkSync(join(directory, 'nothing'), join(folder, 'sparse~2'))
  const ended = await run('sparse', 'x', '-d', folder, '--force')
  expect(ended.code).toBe(0)
  const rows = rowsOf(ended)
  expect(rows.map(({ file }) => file.file)).toEqual(['sparse~3'])
  rows.forEach(expectWritten)
  expect(readFileSync(outside, 'utf8')).toBe('untouched')
  expect(existsSync(join(directory, 'nothing'))).toBe(false)
  mkdirSync(join(directory, 'elsewhere'))
  symlinkSync(join(directory, 'elsewhere'), join(folder, '1-x'))
  expect((await run('run', 'sparse', 'a/x', 'b/x', '-d', folder, '--force')).stderr).toMatch(/1-x is no directory/)
  expect(readdirSync(join(directory, 'elsewhere'))).toEqual([])
})

test('only an analyzer that says so writes files, and the folder is for one that does', async () => {
  expect((await run('silent', 'x')).stderr).toMatch(/silent does not declare artifacts, and writes no files/)
  expect((await run('run', 'silent', 'x', '-d', folder)).stderr).toMatch(/no analyzer of this run writes files/)
  expect(existsSync(folder)).toBe(false)
})

test('a table shows the name of a file, and CSV all that its row holds', async () => {
  const shown = (format: string) =>
    start(['sparse', 'x', '-d', folder, '--plugin', fixture('files.mjs'), '-f', format], { directory }).ended
  expect((await shown('table')).stdout).toMatch(/sparse +sparse\n/)
  rmSync(folder, { recursive: true })
  expect((await shown('csv')).stdout).toMatch(
    /^name,file\r\nsparse,"\{""file"":""sparse"",""bytes"":1048579,""sha256"":""[0-9a-f]{64}""\}"\r\n$/,
  )
})
