/** What the author of a plugin tests with. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Table } from 'salvor'
import { runAnalyzer } from 'salvor/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import largest from '../fixtures/plugins/largest.js'
import { listing } from '../fixtures/plugins/listing.js'
import { every, needing } from '../fixtures/plugins/options.js'
import rule from '../fixtures/plugins/rule.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-testing-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function written(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

test('options are given by name, a file by its path, and the others have their defaults', async () => {
  const rules_file = written('rules', 'a rule')
  const { rows } = await runAnalyzer(every, { options: { kind: 'whole', pattern: ['a'], rules_file } })
  expect(Object.fromEntries(rows.map(({ option, value }) => [option, value]))).toMatchObject({
    kind: 'whole',
    pattern: ['a'],
    minimum: 4,
    path: null,
    rules_file: { path: rules_file, text: 'a rule' },
  })
})

test('an option that is not what it takes is an error, as it is on the command line', async () => {
  await expect(runAnalyzer(every, { options: { minimum: 0 } })).rejects.toThrow(
    'the option minimum takes a number from 1 to 1048576, not 0',
  )
  await expect(runAnalyzer(every, { options: { rules_file: folder } })).rejects.toThrow('a directory, not a file')
})

test('tables stand for those that are needed, and a missing one for what fails', async () => {
  const paths = new Table<typeof listing.columns>('listing', 2, {
    path: ['/a', '/b'],
    size: [1, 3],
    container: [null, null],
  })
  const path = written('listing.json', '[]')
  expect((await runAnalyzer(largest, { path, tables: { listing: paths } })).rows).toEqual([{ path: '/b' }])
  const missing = { doors: { table: null, why: 'it is a test' } }
  expect((await runAnalyzer(rule, { tables: missing })).rows).toEqual([{ holds: null, not_evaluated: 'it is a test' }])
  const options = new Table<typeof every.columns>('every-option', 1, { option: ['minimum'], value: [9] })
  const { rows } = await runAnalyzer(needing, { tables: { plain: options, same: options, other: options } })
  expect(rows).toContainEqual({ by: 'plain', minimum: 9 })
})

test('an analyzer of a file reads it', async () => {
  const path = written('listing.json', '[{"path":"/c","size":7}]')
  expect(await runAnalyzer(listing, { path })).toEqual({
    rows: [{ path: '/c', size: 7, container: null }],
    warnings: [],
  })
  await expect(runAnalyzer(listing, { path: join(folder, 'gone') })).rejects.toThrow('no such file')
})
