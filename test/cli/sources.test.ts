/** Tables of files, and tables that may be missing: as a user's plugin has them, through the built command. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { fixture, repository, start } from './run.js'

const plugin = (name: string): string[] => ['--plugin', fixture(`plugins/${name}.ts`)]
const listing = JSON.stringify([
  { path: '/a', size: 1 },
  { path: '/b', size: 3 },
])

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-sources-'))
  writeFileSync(join(folder, 'files.json'), listing)
  writeFileSync(join(folder, 'broken.json'), '[{')
  spawnSync('mkfifo', [join(folder, 'pipe')])
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('a table of a file', () => {
  const salvor = (...args: string[]) =>
    start([...args, ...plugin('listing'), ...plugin('largest')], { directory: folder }).ended

  test('is made without an image', async () => {
    const { code, stdout, stderr } = await salvor('listing', 'files.json', '-f', 'json')
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toEqual({
      table: 'listing',
      image: 'files.json',
      rows: [
        { path: '/a', size: 1, container: null },
        { path: '/b', size: 3, container: null },
      ],
      warnings: [],
    })
  })

  test('is needed by others, sorted, limited and run over several files as tables of images are', async () => {
    writeFileSync(join(folder, 'more.json'), '[{"path":"/c","size":9}]')
    const run = await salvor(
      'run',
      'largest',
      'listing',
      'files.json',
      'more.json',
      '-q',
      '-f',
      'ndjson',
      '--limit',
      '1',
    )
    expect(run.code).toBe(0)
    expect(
      run.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { table: 'largest', image: 'files.json', path: '/b' },
      { table: 'listing', image: 'files.json', path: '/a', size: 1, container: null },
      { table: 'largest', image: 'more.json', path: '/c' },
      { table: 'listing', image: 'more.json', path: '/c', size: 9, container: null },
    ])
    expect((await salvor('listing', 'files.json', '-q')).stdout).toBe(
      'path  size  container\n/a       1  -\n/b       3  -\n',
    )
  })

  test('is helped with what it reads, and has no options that are about memory', async () => {
    const { stdout } = await salvor('help', 'listing')
    expect(stdout).toMatch(/^Usage: salvor listing FILE \[OPTIONS\]\n/)
    expect(stdout).toContain('It reads a JSON file with a list of paths and sizes.')
    expect(stdout).not.toContain('--no-cache')
  })

  test.each([
    [3, ['listing', 'gone.json'], 'gone.json: no such file'],
    [3, ['listing', 'pipe'], 'pipe: a FIFO, not a regular file: write it into a file first'],
    [3, ['listing', '/dev/zero'], '/dev/zero: a device, not a regular file'],
    [3, ['listing', '.'], '.: a directory, not a file'],
    [1, ['listing', 'broken.json'], 'listing: '],
    [2, ['listing', '-'], 'a file cannot be read from standard input: save it to a file'],
    [
      2,
      ['listing', 'a', 'b'],
      'listing takes one file; several analyzers and files go with: salvor run listing FILE...',
    ],
    [2, ['listing', 'files.json', '--no-cache'], 'listing has no option --no-cache'],
    [2, ['listing', 'files.json', '-o', 'files.json', '--force'], 'files.json is read by this run'],
    [2, ['listing', 'files.json', '--container', 'web'], 'names cannot be read: that takes a memory image'],
    [2, ['run', 'listing', 'processes', 'files.json'], 'listing reads a file and processes a memory image'],
    [
      2,
      ['mixed', 'x', ...plugin('mixed')],
      'the analyzer mixed reads a memory image and cannot need listing, which reads a file',
    ],
    [2, ['distill', 'x', '-o', 'y', '--analyzers', 'listing'], '--analyzers: listing reads a file'],
  ])('exit code %i: %j', async (expected, args, message) => {
    const { code, stdout, stderr } = await salvor(...args)
    expect(stderr).toMatch(/^salvor: .*\n$/)
    expect(stderr).toContain(message)
    expect([code, stdout]).toEqual([expected, ''])
    expect(readFileSync(join(folder, 'files.json'), 'utf8')).toBe(listing)
  })

  test('is nothing that distill reads', () => {
    const args = ['distill', sampleImage(), '-o', join(folder, 'small.lime'), '-q', ...plugin('listing')]
    const run = spawnSync(process.execPath, [join(repository, 'bin/salvor.cjs'), ...args], { encoding: 'utf8' })
    // Of what no sample holds the other analyzers may warn.
    expect(run.stderr).not.toMatch(/listing|largest/)
    expect(existsSync(join(folder, 'small.lime'))).toBe(true)
  })
})

describe('a rule over a table that may be missing', () => {
  const rule = (...plugins: string[]) =>
    start(['rule', 'x', '-f', 'json', ...['rule', ...plugins].flatMap(plugin)], { directory: folder }).ended

  test('is evaluated where it is there', async () => {
    const { code, stdout, stderr } = await rule('doors-open')
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject({ rows: [{ holds: true, not_evaluated: null }], warnings: [] })
  })

  test('says that it was not where no plugin provides it, which is a remark', async () => {
    const { code, stdout, stderr } = await rule()
    const message = 'made without the table doors-open: no plugin provides doors-open'
    expect([code, stderr]).toEqual([0, `note: rule: ${message}\n`])
    expect(JSON.parse(stdout)).toMatchObject({
      rows: [{ holds: null, not_evaluated: 'no plugin provides doors-open' }],
      warnings: [{ code: 'absent', message, analyzer: 'rule' }],
    })
  })

  test('says that it was not where it failed, and then the result is partial', async () => {
    const { code, stdout, stderr } = await rule('doors-open-broken')
    const message = 'made without the table doors-open: it failed: it broke'
    expect(code).toBe(5)
    expect(stderr).toBe(
      `salvor: doors-open: it broke (only the 1 rows before it are there)\nwarning: rule: ${message}\n`,
    )
    expect(JSON.parse(stdout)).toMatchObject({
      rows: [{ holds: null, not_evaluated: 'it failed: it broke' }],
      warnings: [{ code: 'failed', message, analyzer: 'rule' }],
    })
  })
})
