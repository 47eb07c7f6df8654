/** Options that analyzers declare: as a user's plugin has them, through the built command. */

import { spawnSync } from 'node:child_process'
import { linkSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Ended, fixture, start } from './run.js'

const plugin = ['--plugin', fixture('plugins/options.ts')]

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-options-'))
  writeFileSync(join(folder, 'rules'), 'a rule')
  writeFileSync(join(folder, 'other'), 'another')
  symlinkSync('rules', join(folder, 'link'))
  linkSync(join(folder, 'rules'), join(folder, 'same'))
  spawnSync('mkfifo', [join(folder, 'pipe')])
})
afterAll(() => rmSync(folder, { recursive: true }))

const salvor = (...args: string[]): Promise<Ended> => start([...args, ...plugin], { directory: folder }).ended

const defaults = {
  path: null,
  label: 'x',
  deleted: false,
  minimum: 4,
  depth: null,
  kind: 'quick',
  order: null,
  pattern: [],
  rules_file: null,
  logs: [],
}

async function made(...args: string[]) {
  const { code, stdout, stderr } = await salvor(...args, '-q', '-f', 'json')
  expect([code, stderr]).toEqual([0, ''])
  const { options, rows } = JSON.parse(stdout)
  const read = Object.fromEntries(rows.map((row: { option: string; value: unknown }) => [row.option, row.value]))
  return { options, read }
}

test('what is not given has its default, for the analyzer and in what is written', async () => {
  expect(await made('every-option', 'x')).toEqual({ options: defaults, read: defaults })
})

test('values of every type come as they are declared, and the table is known by them', async () => {
  const given = ['--path', '/a,b/*', '--label=-y', '--deleted', '--minimum', '1048576', '--depth', '0']
  const more = ['--kind', 'whole', '--order', 'down', '--pattern', 'a,b', '--pattern', ',', '--rules-file', 'rules']
  const files = ['--logs', 'rules', '--logs', 'link']
  const values = {
    path: '/a,b/*',
    label: '-y',
    deleted: true,
    minimum: 1_048_576,
    depth: 0,
    kind: 'whole',
    order: 'down',
    pattern: ['a,b', ','],
  }
  expect(await made('eo', 'x', ...given, ...more, ...files)).toEqual({
    options: { ...values, rules_file: 'rules', logs: ['rules', 'link'] },
    read: {
      ...values,
      rules_file: { path: 'rules', text: 'a rule' },
      logs: ['rules', 'link'].map((path) => ({ path, text: 'a rule' })),
    },
  })
})

test('options may stand before the command', async () => {
  expect((await made('--path', '/etc', 'every-option', '--deleted', 'x')).options).toMatchObject({
    path: '/etc',
    deleted: true,
  })
})

describe('what an option does not take is one line and exit code 2', () => {
  test.each([
    [['--minimum', '0'], '--minimum takes a number from 1 to 1048576, not 0'],
    [['--minimum', '1048577'], '--minimum takes a number from 1 to 1048576, not 1048577'],
    [['--minimum', '1e3'], '--minimum takes a number from 1 to 1048576, not "1e3"'],
    [['--depth', '99999999999999999999'], '--depth takes a number from 0 on, not 100000000000000000000'],
    [['--depth', '-1'], '--depth takes a number from 0 on, not -1'],
    [['--kind', 'quik'], '--kind takes quick or whole, not "quik"; did you mean quick?'],
    [['--order', 'UP'], '--order takes up or down, not "UP"; did you mean up?'],
    [['--deleted=no'], '--deleted takes no value'],
    [['--path'], '--path needs a value: --path TEXT'],
    [['--path', ''], '--path needs a value: --path TEXT'],
    [['--pattern', 'a', '--pattern='], '--pattern needs a value: --pattern TEXT'],
    [['--rules-file', 'gone'], '--rules-file: gone: no such file'],
    [['--rules-file', '.'], '--rules-file: .: a directory, not a file'],
    [['--rules-file', 'pipe'], '--rules-file: pipe: a FIFO, not a regular file'],
    [['--rules-file', '/dev/zero'], '--rules-file: /dev/zero: a device, not a regular file'],
    [['--logs', 'rules', '--logs', 'gone'], '--logs: gone: no such file'],
    [['--logs='], '--logs needs a value: --logs FILE'],
    [['--minimun', '4'], 'every-option has no option --minimun; did you mean --minimum?'],
    [['--rules_file', 'rules'], 'every-option has no option --rules_file; did you mean --rules-file?'],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await salvor('every-option', 'x', ...args)
    expect(stderr).toMatch(/^salvor: .*\n$/)
    expect(stderr).toContain(message)
    expect([code, stdout]).toEqual([2, ''])
  })
})

test('help shows them first, with what they take and what they are by default', async () => {
  const { stdout } = await salvor('every-option', '--help')
  expect(stdout).toContain(`Options of every-option
      --path TEXT        Only files whose path matches (for example /etc/*)
      --label TEXT       What to call it (default: x)
      --deleted          Deleted files too
      --minimum N        How long at least (from 1 to 1048576; default: 4)
      --depth N          How deep
      --kind WORD        Which ones (quick or whole; default: quick)
      --order WORD       In which order (up or down)
      --pattern TEXT     What to look for (can be repeated)
      --rules-file FILE  Rules
      --logs FILE        Logs (can be repeated)

Options
`)
  expect((await salvor('processes', '--help')).stdout).not.toContain('Options of')
})

test('the schema has options and key, and is that of what is written', async () => {
  const { stdout } = await salvor('schema', 'every-option')
  const { properties, required, 'x-key': key } = JSON.parse(stdout)
  expect(key).toEqual(['option'])
  expect(required).toEqual(['table', 'image', 'options', 'rows', 'warnings'])
  expect(properties.options.required).toEqual(Object.keys(defaults))
  expect(properties.options.properties).toMatchObject({
    deleted: { type: 'boolean', default: false },
    minimum: { type: 'integer', minimum: 1, maximum: 1_048_576, default: 4 },
    kind: { enum: ['quick', 'whole'] },
    order: { anyOf: [{ enum: ['up', 'down'] }, { type: 'null' }] },
    pattern: { type: 'array', items: { type: 'string' } },
    rules_file: { 'x-type': 'file', anyOf: [{ type: 'string' }, { type: 'null' }] },
    logs: { 'x-type': 'files', type: 'array', items: { type: 'string' }, default: [] },
  })
})

test('a table is made once for each set of options that is asked for', async () => {
  const { code, stdout, stderr } = await salvor('run', 'needs-options', 'every-option', 'x', '-f', 'json')
  const [needing, every] = JSON.parse(stdout)
  expect(code).toBe(0)
  expect(needing).toMatchObject({ options: { path: null, alone: false } })
  expect(needing.rows).toEqual([
    { by: 'plain', minimum: 4 },
    { by: 'same', minimum: 4 },
    { by: 'other', minimum: 7 },
  ])
  expect(every.options).toEqual(defaults)
  expect(stderr).toBe('note: every-option is made\n'.repeat(2))
})

describe('where several analyzers run', () => {
  const run = (...args: string[]) => salvor('run', 'every-option', 'needs-options', 'x', '-q', '-f', 'json', ...args)

  test('an option goes with the name of its analyzer, or without where only one has it', async () => {
    const { code, stdout } = await run(
      '--needs-options.path',
      'p',
      '--alone',
      '--every-option.minimum=5',
      '--kind=whole',
    )
    const [every, needing] = JSON.parse(stdout)
    expect(code).toBe(0)
    expect(every.options).toEqual({ ...defaults, minimum: 5, kind: 'whole' })
    expect(needing).toMatchObject({ options: { path: 'p', alone: true }, rows: [{ by: 'PLAIN' }, { by: 'SAME' }, {}] })
  })

  test('of one analyzer, every option goes without', async () => {
    const { stdout } = await salvor('run', 'needs-options', 'x', 'y', '--path', 'p', '-q', '-f', 'json')
    expect(JSON.parse(stdout).map(({ options }: { options: unknown }) => options)).toEqual(
      Array(2).fill({ path: 'p', alone: false }),
    )
  })

  test.each([
    [['--path', 'p'], 'run has no option --path; did you mean --every-option.path or --needs-options.path?'],
    [['--alone', '--needs-options.alone'], '--needs-options.alone and --alone are the same option: give one'],
    [['--every-option.minimum', '0'], '--every-option.minimum takes a number from 1 to 1048576, not 0'],
    [['--every-option.minimun', '5'], 'run has no option --every-option.minimun; did you mean --every-option.minimum?'],
    [['--processes.path', 'p'], 'run has no option --processes.path; see: salvor help run'],
  ])('%j is a mistake', async (args, message) => {
    const { code, stdout, stderr } = await run(...args)
    expect(stderr).toMatch(/^salvor: .*\n$/)
    expect(stderr).toContain(message)
    expect([code, stdout]).toEqual([2, ''])
  })
})

test.each(['rules', 'link', 'same'])('a file that an option names is not written to as %s', async (output) => {
  const args = ['every-option', 'x', '--rules-file', 'rules', '-f', 'json', '--force', '-o', output]
  const logs = ['hands-on', 'x', '--logs', 'other', '--logs', 'rules', '-f', 'json', '--force', '-o', output]
  for (const command of [args, ['run', ...args], logs]) {
    const { code, stderr } = await salvor(...command)
    expect([code, stderr]).toEqual([2, expect.stringMatching(/rules.*read\b.* by this run: write to another file\n$/)])
    expect(readFileSync(join(folder, 'rules'), 'utf8')).toBe('a rule')
  }
})

describe('an analyzer that asks for one of its options', () => {
  test('makes no table without any of them, before the image is opened, and says which there are', async () => {
    const { code, stderr } = await salvor('asks-options', 'no-such-image', '--other')
    expect([code, stderr]).toEqual([2, 'salvor: asks-options makes no table without --text or --some-hex\n'])
    expect((await salvor('help', 'asks-options')).stdout).toContain('It makes no table without --text or --some-hex.')
  })

  test('makes it with any of them', async () => {
    const { code, stdout } = await salvor('asks-options', 'x', '--some-hex', '00', '-q', '-f', 'ndjson')
    expect([code, stdout]).toEqual([0, '{"text":"00"}\n'])
  })

  test('is not among all', async () => {
    const { stdout } = await salvor('run', 'all', 'x', '-q', '-f', 'json')
    const tables = (JSON.parse(stdout) as { table: string }[]).map(({ table }) => table)
    expect(tables).toEqual(expect.arrayContaining(['every-option', 'processes', 'containers']))
    expect(tables).not.toContain('asks-options')
  })
})

describe('an option that is handed on to a table', () => {
  test('makes it with what the user gave', async () => {
    const { code, stdout } = await salvor('hands-on', 'x', '--logs', 'rules', '--logs', 'link', '-q', '-f', 'ndjson')
    expect([code, stdout]).toEqual([0, '{"path":"rules","why":null}\n{"path":"link","why":null}\n'])
  })

  test('leaves it out without a warning where the user gave nothing', async () => {
    const { code, stdout, stderr } = await salvor('hands-on', 'x', '-f', 'ndjson')
    expect([code, stdout, stderr]).toEqual([0, '{"path":null,"why":"it needs --logs"}\n', ''])
  })
})
