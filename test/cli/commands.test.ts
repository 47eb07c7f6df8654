import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fixture, salvor } from './run.js'

const own = ['--plugin', fixture('own.ts')]
const slow = ['--plugin', fixture('slow.mjs')]

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'salvor-cli-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

describe('help', () => {
  test('names every command and analyzer', async () => {
    const { code, stdout, stderr } = await salvor('--help', ...own)
    expect([code, stderr]).toEqual([0, ''])
    for (const word of ['run', 'analyzers', 'schema', 'distill', 'new-plugin', 'processes', 'fake-rows']) {
      expect(stdout).toContain(`salvor ${word}`)
    }
  })

  test('of an analyzer comes from its declaration', async () => {
    const { code, stdout } = await salvor('fake-rows', '--help', ...own)
    expect(code).toBe(0)
    expect(stdout).toContain('Rows of a stand-in kernel.')
    expect(stdout).toMatch(/pid +integer +Process id/)
    expect(stdout).toContain('--format')
  })

  test('--version is the version of package.json', async () => {
    const { stdout } = await salvor('--version')
    expect(stdout.trim()).toBe(JSON.parse(readFileSync('package.json', 'utf8')).version)
  })
})

describe('usage errors are one line and exit code 2', () => {
  test.each([
    ['an unknown analyzer', ['proceses', 'x'], 'did you mean processes?'],
    ['no command', [], 'no command given'],
    ['no image', ['processes'], 'an argument is missing'],
    ['an unknown option', ['processes', 'x', '--nope'], 'nope'],
    ['an unknown format', ['processes', 'x', '--format', 'xml'], 'format'],
    ['a wrong --pid', ['processes', 'x', '--pid', 'one'], '--pid takes a number'],
    ['a wrong --threads', ['processes', 'x', '--threads', '0'], '--threads takes a number from 1 on'],
    ['an unknown column', ['processes', 'x', '--columns', 'pid,nope'], 'processes has no column nope'],
    ['run without an image', ['run', 'processes'], 'no image given'],
    ['run with a mistyped name', ['run', 'proceses', 'x'], 'did you mean processes?'],
    ['several tables in one CSV', ['run', 'processes', 'threads', 'x', '--format', 'csv'], '--output'],
    ['a directory as --output', ['processes', 'x', '--output', '.'], 'is a directory'],
    ['an --output in no directory', ['processes', 'x', '--output', './gone/x'], 'there is no directory ./gone'],
    ['a plugin that is not there', ['processes', 'x', '--plugin', './gone.ts'], 'there is no plugin ./gone.ts'],
    ['a plugin that is none', ['processes', 'x', '--plugin', './package.json'], 'exports no analyzer'],
    ['distill without --output', ['distill', 'x'], 'output'],
  ])('%s', async (_what, args, message) => {
    const { code, stdout, stderr } = await salvor(...args)
    expect(stderr).toMatch(/^salvor: .*\n$/)
    expect(stderr).toContain(message)
    expect([code, stdout]).toEqual([2, ''])
  })
})

describe('running', () => {
  test('one analyzer by its alias', async () => {
    const { code, stdout, stderr } = await salvor('fr', 'some.img', '--format', 'json', ...own)
    expect([code, stderr]).toEqual([0, 'note: release 6.1.0-fake\n'])
    expect(JSON.parse(stdout)).toMatchObject({ table: 'fake-rows', image: 'some.img', warnings: [] })
  })

  test('--quiet leaves the notes out, --columns and --pid choose', async () => {
    const { stdout, stderr } = await salvor('fr', 'x', '-q', '--columns', 'pid,address', '--pid', '42', ...own)
    expect([stdout, stderr]).toEqual(['pid  address\n 42  0x2000\n', ''])
  })

  test('several analyzers share a table and a scan, in the order asked for', async () => {
    const { code, stdout } = await salvor('run', 'fake-counted', 'fr', 'x', '--format', 'json', ...own)
    const tables = JSON.parse(stdout)
    expect(code).toBe(0)
    expect(tables.map(({ table }: { table: string }) => table)).toEqual(['fake-counted', 'fake-rows'])
    expect(tables[0].rows).toEqual([{ rows: 2, hits: ['1', '2', '4098'] }])
  })

  test('output is the same whatever the number of threads', async () => {
    const outputs = await Promise.all(
      ['1', '4'].map((threads) => salvor('run', 'fr', 'fake-counted', 'x', '--threads', threads, ...own)),
    )
    expect(outputs[0]?.stdout).toBe(outputs[1]?.stdout)
  })

  test('an image that fails is one line, and the others go on', async () => {
    const { code, stdout, stderr } = await salvor(
      'run',
      'fr',
      'a',
      'missing',
      'nosymbols',
      'b',
      '-f',
      'ndjson',
      '-q',
      ...own,
    )
    expect(code).toBe(3)
    expect(stdout.trim().split('\n')).toHaveLength(4)
    expect(stderr.trim().split('\n')).toHaveLength(2)
  })

  test.each([
    ['missing', 3],
    ['nosymbols', 4],
  ])('an image that does not open: %s', async (image, expected) => {
    const { code, stdout, stderr } = await salvor('fr', image, '--format', 'json', ...own)
    expect([code, stdout]).toEqual([expected, ''])
    expect(stderr).toMatch(/^salvor: .*\n$/)
  })

  test('a failing analyzer is one line and exit code 1; beside others the result is partial', async () => {
    const alone = await salvor('failing', 'x', ...slow)
    expect([alone.code, alone.stdout, alone.stderr]).toEqual([1, '', 'salvor: failing: it broke\n'])
    const beside = await salvor('run', 'failing', 'fr', 'x', '-f', 'json', '-q', ...slow, ...own)
    expect(beside.code).toBe(5)
    expect(JSON.parse(beside.stdout)[0]).toMatchObject({
      rows: [],
      warnings: [{ code: 'failed', message: 'it broke' }],
    })
  })

  test('rows before a failure are written with it, and the exit code says partial', async () => {
    const { code, stdout, stderr } = await salvor('broken', 'x', '-f', 'json', ...slow)
    const why = 'the column n was given "three", and it is declared to hold an integer'
    expect([code, stderr]).toEqual([5, `salvor: broken: ${why} (only the 2 rows before it are there)\n`])
    expect(JSON.parse(stdout)).toMatchObject({
      rows: [{ n: 1 }, { n: 2 }],
      warnings: [{ code: 'failed', message: why }],
    })
    expect((await salvor('broken', 'x', '-f', 'table', ...slow)).stdout).toBe('n\n1\n2\n')
  })

  test('warnings are lines on stderr and part of the JSON; notes are neither errors nor said quietly', async () => {
    const { code, stdout, stderr } = await salvor('warned', 'x', '-f', 'json', ...slow)
    expect(code).toBe(5)
    expect(stderr).toBe(
      'warning: warned.n: unreadable (3 times, first at 0x10)\nnote: warned.n: this kernel has none\n',
    )
    expect(JSON.parse(stdout).warnings).toHaveLength(2)
    expect((await salvor('warned', 'x', '-q', ...slow)).stderr).not.toContain('note:')
  })

  test('--output writes a file, or one per table', async () => {
    const file = join(directory, 'rows.ndjson')
    expect(await salvor('fr', 'x', '-q', '-f', 'ndjson', '-o', file, ...own)).toMatchObject({ code: 0, stdout: '' })
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2)
    const folder = join(directory, 'tables')
    await salvor('run', 'fr', 'fake-counted', 'x', '-q', '-f', 'csv', '-o', folder, ...own)
    expect(readdirSync(folder).sort()).toEqual(['fake-counted.csv', 'fake-rows.csv'])
  })

  test('colour obeys FORCE_COLOR, and pipes have none', async () => {
    const { start } = await import('./run.js')
    const coloured = await start(['fr', 'x', ...own], { env: { FORCE_COLOR: '1' } }).ended
    expect(coloured.stdout.charCodeAt(0)).toBe(27)
    expect((await salvor('fr', 'x', ...own)).stdout.charCodeAt(0)).not.toBe(27)
  })
})

test('analyzers and schema are made from the declarations', async () => {
  const listed = JSON.parse((await salvor('analyzers', '--format', 'json', ...own)).stdout)
  expect(listed.find(({ name }: { name: string }) => name === 'fake-rows').columns.pid.meaning).toBe('pid')
  const text = (await salvor('analyzers', ...own)).stdout
  expect(text).toContain('fake-rows (fr): Rows of a stand-in kernel\n')
  const schema = JSON.parse((await salvor('schema', 'fr', ...own)).stdout)
  expect(schema.properties.rows.items.required).toEqual(['address', 'pid', 'comm', 'args', 'container'])
})
