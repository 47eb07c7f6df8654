import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileSink } from '../../dist/src/output/sink.js'
import { Inputs } from '../../dist/src/output/target.js'

const careful = { inputs: new Inputs(), force: false }
const forced = { ...careful, force: true }

let directory: string
let path: string
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'salvor-sink-')))
  path = join(directory, 'out')
})
afterEach(() => rmSync(directory, { recursive: true }))

const mode = (of: string): number => statSync(of).mode & 0o777

test('a file appears whole, in the place of an older one', async () => {
  writeFileSync(path, 'old')
  const sink = new FileSink(path, forced)
  await sink.write('new ')
  await sink.write('text')
  expect(readFileSync(path, 'utf8')).toBe('old')
  await sink.commit()
  expect(readFileSync(path, 'utf8')).toBe('new text')
  expect(readdirSync(directory)).toEqual(['out'])
})

test('an aborted file leaves nothing and keeps what was there', async () => {
  writeFileSync(path, 'old')
  const sink = new FileSink(path, forced)
  await sink.write('new')
  sink.abort()
  expect(readFileSync(path, 'utf8')).toBe('old')
  expect(readdirSync(directory)).toEqual(['out'])
})

test('an existing file is not replaced without --force', () => {
  writeFileSync(path, 'old')
  expect(() => new FileSink(path, careful)).toThrow(`${path} is there already: --force replaces it`)
  expect(readdirSync(directory)).toEqual(['out'])
})

test('a file that appears while another is written is not replaced', async () => {
  const sink = new FileSink(path, careful)
  await sink.write('new')
  writeFileSync(path, 'of somebody else')
  await expect(sink.commit()).rejects.toThrow('is there already')
  sink.abort()
  expect(readFileSync(path, 'utf8')).toBe('of somebody else')
  expect(readdirSync(directory)).toEqual(['out'])
})

test('a link to an input that appears while a file is written is not replaced', async () => {
  const image = join(directory, 'image')
  writeFileSync(image, 'evidence')
  const sink = new FileSink(path, { inputs: new Inputs([image]), force: true })
  await sink.write('new')
  symlinkSync('image', path)
  await expect(sink.commit()).rejects.toThrow('is read by this run')
  expect(readFileSync(image, 'utf8')).toBe('evidence')
})

test.each([0o600, 0o640, 0o444])('an existing mode of %o outlives the file', async (bits) => {
  writeFileSync(path, 'old')
  chmodSync(path, bits)
  const sink = new FileSink(path, forced)
  await sink.write('new')
  await sink.commit()
  expect(mode(path)).toBe(bits)
})

test("a new file has the mode that the umask leaves, and is the owner's alone until it is whole", async () => {
  const before = process.umask(0o027)
  try {
    const sink = new FileSink(path, careful)
    expect(readdirSync(directory).map((name) => mode(join(directory, name)))).toEqual([0o600])
    await sink.commit()
    expect(mode(path)).toBe(0o640)
  } finally {
    process.umask(before)
  }
})

test('a symbolic link stays, and what it leads to is replaced', async () => {
  writeFileSync(path, 'old')
  symlinkSync('out', join(directory, 'link'))
  const sink = new FileSink(join(directory, 'link'), forced)
  await sink.write('new')
  await sink.commit()
  expect(lstatSync(join(directory, 'link')).isSymbolicLink()).toBe(true)
  expect(readFileSync(path, 'utf8')).toBe('new')
})

test('a symbolic link to nothing is there already', () => {
  symlinkSync('gone', path)
  expect(() => new FileSink(path, careful)).toThrow('is there already')
})
