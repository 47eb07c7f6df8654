/** The folder in which results lie between workers and coordinator. */

import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SharedFolder } from '../../dist/src/batch/redis/place.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-place-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const modeOf = (path: string): number => statSync(path).mode & 0o7777

test.each([0o777, 0o1777, 0o2775])('workers of other users may write where the place lets them: %o', async (mode) => {
  const root = join(folder, `shared-${mode}`)
  mkdirSync(root)
  chmodSync(root, mode)
  const place = new SharedFolder(root, 'ab')
  await place.open()
  expect(modeOf(join(root, 'salvor-ab'))).toBe(mode)
  const file = join(folder, 'result')
  writeFileSync(file, 'rows')
  expect(await place.put('a.result', file)).toBe(true)
  expect(await place.names()).toEqual(['a.result'])
  await place.close()
  expect(await place.state()).toBe('over')
})

test('and nobody else where it does not', async () => {
  const root = join(folder, 'own')
  mkdirSync(root, { mode: 0o700 })
  await new SharedFolder(root, 'ab').open()
  expect(modeOf(join(root, 'salvor-ab')) & 0o022).toBe(0)
})
