import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeFolder } from '../dist/src/make-folder.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-folder-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('makes those above, and nothing where there is one', () => {
  const path = join(folder, 'a', 'b', 'c')
  makeFolder(path, 0o700)
  makeFolder(path)
  expect([statSync(path).mode & 0o777, statSync(join(folder, 'a')).mode & 0o777]).toEqual([0o700, 0o700])
})

test.each([
  ['a file', () => join(folder, 'file', 'below')],
  // Node's own way of making those above never comes back from here.
  ['/proc', () => '/proc/self/one/two'],
])('fails below %s', (_, path) => {
  writeFileSync(join(folder, 'file'), '')
  expect(() => makeFolder(path())).toThrow(/ENOENT|ENOTDIR/)
})
