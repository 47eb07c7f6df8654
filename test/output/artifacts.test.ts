import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { artifactName, numbered } from '../../dist/src/output/artifact-name.js'
import { ArtifactFiles, ArtifactFolder } from '../../dist/src/output/artifacts.js'
import { Inputs } from '../../dist/src/output/target.js'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'salvor-artifacts-'))
})
afterEach(() => rmSync(root, { recursive: true }))

test.each([
  ['passwd', 'passwd'],
  ['../../etc/passwd', '_./../etc/passwd'.replaceAll('/', '_')],
  ['..', '_.'],
  ['a\0b\nc\u202e', 'a_b_c_'],
  ['C:\\x', 'C:_x'],
  ['', 'unnamed'],
  ['\ud800', '_'],
  ['名前', '名前'],
])('%j becomes the name %j', (name, expected) => expect(artifactName(name)).toBe(expected))

test('a long name is cut where a character ends, and has room for a number', () => {
  const name = artifactName(`x${'名'.repeat(300)}`)
  expect(name).toMatch(/^x名+$/)
  expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200)
  expect([numbered(name, 1), numbered('a', 2)]).toEqual([name, 'a~2'])
})

function write(files: ArtifactFiles, name: string, bytes: number) {
  const writer = files.create(name)
  writer.write(Buffer.alloc(bytes))
  return writer.close()
}

test('what is beyond a cap is left out whole, and that is told', () => {
  const folder = new ArtifactFolder(root, { inputs: new Inputs(), force: false })
  const files = new ArtifactFiles(folder.place(''), { files: 3, bytes: 100 })
  expect(write(files, 'a', 60)?.file).toBe('a')
  expect(write(files, 'large', 60)).toBeNull()
  expect(write(files, 'b', 40)?.file).toBe('b')
  expect(write(files, 'c', 0)).toBeNull()
  expect(files.end()).toEqual([{ code: 'cap', message: expect.stringContaining('first 3, or 100 bytes'), count: 2 }])
  folder.close()
  expect(readdirSync(root).sort()).toEqual(['a', 'b'])
})

test('a far place in a file counts as all before it, and one that is none is refused', () => {
  const folder = new ArtifactFolder(root, { inputs: new Inputs(), force: false })
  const files = new ArtifactFiles(folder.place(''), { files: 9, bytes: 1000 })
  const writer = files.create('far')
  expect(() => writer.writeAt(-1, Buffer.from('x'))).toThrow('no place in a file')
  expect(() => writer.writeAt(0.5, Buffer.from('x'))).toThrow('no place in a file')
  writer.writeAt(2 ** 50, Buffer.from('x'))
  expect(writer.close()).toBeNull()
  expect(() => writer.close()).toThrow('closed')
  expect(files.end()).toHaveLength(1)
  folder.close()
  expect(readdirSync(root)).toEqual([])
})

test('without a folder files are left out without a word', () => {
  const files = new ArtifactFiles(null)
  expect([write(files, 'a', 1), files.end()]).toEqual([null, []])
})
