import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fixture, repository, salvor } from './run.js'

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
      expect(stdout).toMatch(new RegExp(`^  ${word}  `, 'm'))
    }
  })

  test('of an analyzer comes from its declaration', async () => {
    const { code, stdout } = await salvor('fake-rows', '--help', ...own)
    expect(code).toBe(0)
    expect(stdout).toContain('Rows of a stand-in kernel.')
    expect(stdout).toMatch(/pid +integer +Process id/)
    expect(stdout).toContain('--format')
  })

  test('is grouped by area, with the options and the exit codes, and fits 80 columns', async () => {
    const { stdout } = await salvor('--help')
    const headings = stdout.split('\n').filter((line) => /^[A-Z][a-z ]+$/.test(line))
    const areas = [
      'Image',
      'Containers',
      'Processes',
      'Files',
      'Memory',
      'Network',
      'Kernel',
      'Traces',
      'Search',
      'Findings',
    ]
    const present = areas.filter((area) => existsSync(join(repository, 'plugins', area.toLowerCase())))
    expect(headings).toEqual([...present, 'Commands', 'Options', 'Exit codes'])
    expect(stdout).toMatch(/^Containers\n(?: {2}.*\n)* {2}cgroups {13}\S.*\n(?: {2}.*\n)* {2}containers {10}\S/m)
    expect(stdout).toMatch(/^ {2}-f, --format FORMAT +table, json/m)
    expect(stdout).toMatch(/^ {4}5 {2}partial: the warnings say what is missing$/m)
  })

  const every = [
    '',
    'processes',
    'containers',
    'run',
    'report',
    'analyzers',
    'schema',
    'distill',
    'convert',
    'new-plugin',
    'completion',
  ]
  test.each(every)('of %s fits 80 columns, and has examples and columns under each other', async (name) => {
    const { code, stdout } = await salvor('help', ...(name === '' ? [] : [name]))
    expect(code).toBe(0)
    // A line to copy is not broken.
    const prose = stdout.split('\n').filter((line) => !line.startsWith('  salvor '))
    for (const line of prose) expect(line.length, line).toBeLessThanOrEqual(80)
    if (name === 'processes') {
      expect(stdout).toContain('Examples\n  salvor processes memory.elf\n      all processes\n')
      expect(stdout).toMatch(/^ {2}pid {8}integer {2}Process id: the thread group id.*\n {22}namespace$/m)
    }
  })

  test('help COMMAND, COMMAND --help and -h are the same, also before the command and by an alias', async () => {
    const [first, ...others] = await Promise.all(
      [
        ['help', 'fr'],
        ['fr', '--help'],
        ['-h', 'fr'],
        ['help', 'fake-rows'],
        ['fr', 'some.img', '-h'],
      ].map((args) => salvor(...args, ...own)),
    )
    for (const other of others) expect(other).toEqual(first)
    expect((await salvor('help')).stdout).toBe((await salvor('-h')).stdout)
  })

  test('the version is that of package.json, however it is asked for', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    for (const words of [['--version'], ['-v'], ['version'], ['processes', '-v']]) {
      expect(await salvor(...words)).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' })
    }
  })
})

describe('usage errors are one line and exit code 2', () => {
  test.each([
    ['an unknown analyzer', ['proceses', 'x'], 'did you mean processes?'],
    ['no command', [], 'no command given'],
    ['no image', ['processes'], 'an argument is missing'],
    ['an unknown option', ['processes', 'x', '--nope'], 'nope'],
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
    ['distill without --output', ['distill', 'x'], 'distill needs --output FILE'],
    ['an image and no analyzer', ['package.json'], 'comes before it: salvor processes package.json'],
    ['a missing image and no analyzer', ['case/x.lime'], 'comes before it: salvor processes case/x.lime'],
    ['an image before its analyzer', ['package.json', 'threads'], 'salvor threads package.json'],
    ['run with the image first', ['run', 'package.json', 'info'], 'salvor run info package.json'],
    ['run with one mistyped of several', ['run', 'info', 'thread', 'package.json'], '"thread"; did you mean threads?'],
    ['a second image', ['processes', 'x', 'y'], 'takes one image; several analyzers and images go with: salvor run'],
    ['a pipe as the only word', ['-'], 'what is wanted of an image comes before it: salvor processes -'],
    ['an unknown format', ['processes', 'x', '--format', 'xml'], '--format takes table, json, ndjson, csv, ecs'],
    ['a format in capitals', ['processes', 'x', '-f', 'JSON'], 'did you mean json?'],
    ['a format as option', ['processes', 'x', '--json'], 'no option --json; did you mean --format json?'],
    ['a format as option, nearly', ['processes', 'x', '--ndjsn'], 'did you mean --format ndjson?'],
    ['a mistyped option', ['processes', 'x', '--colums=pid'], 'no option --colums; did you mean --columns?'],
    ['a mistyped switch', ['processes', 'x', '--no-cach'], 'no option --no-cach; did you mean --no-cache?'],
    ['an unknown letter', ['processes', 'x', '-z'], 'processes has no option -z; see: salvor help processes'],
    [
      'a mistyped column',
      ['containers', 'x', '--columns', 'id,nme'],
      'containers has no column nme; did you mean name?',
    ],
    [
      'a mistyped column to sort by',
      ['processes', 'x', '--sort', '-startd'],
      'no column startd; did you mean started?',
    ],
    ['one wrong pid of a list', ['processes', 'x', '--pid', '1,two'], '--pid takes a number from 0 on, not "two"'],
    ['a wrong --limit', ['processes', 'x', '--limit', '0'], '--limit takes a number from 1 on'],
    ['--plugin without a value', ['processes', 'x', '--plugin'], '--plugin needs a value: --plugin PATH'],
    ['--plugin before an option', ['processes', 'x', '--plugin', '-q'], '--plugin needs a value: --plugin PATH'],
    ['--output without a value', ['processes', 'x', '-o'], '--output needs a value: --output FILE'],
    ['an empty --container', ['processes', 'x', '--container', ''], '--container needs a value: --container X,Y'],
    ['an empty --pid', ['processes', 'x', '--pid='], '--pid needs a value: --pid N,N'],
    ['a list of nothing', ['processes', 'x', '--pid', '1', '--columns', ' ,'], '--columns needs a value'],
    ['an empty --cache-dir', ['processes', 'x', '--cache-dir', ''], '--cache-dir needs a value: --cache-dir DIR'],
    ['an empty --analyzers', ['distill', 'x', '-o', './y', '--analyzers', ','], '--analyzers needs a value'],
    ['a switch with a value', ['processes', 'x', '--quiet=yes'], '--quiet takes no value'],
    ['a switch off with a value', ['processes', 'x', '--no-cache=false'], '--no-cache takes no value'],
    ['a minus to sort by', ['processes', 'x', '--sort', '-'], 'processes has no column -; it has'],
    ['--pid where rows are of no process', ['containers', 'x', '--pid', '1'], 'a row of containers belongs to no one'],
    [
      '--container where rows are of none',
      ['info', 'x', '--container', 'web'],
      'a row of info belongs to no container',
    ],
    [
      'one CSV file for several tables',
      ['run', 'info', 'x', '-o', './a.csv'],
      'name a folder with --output, not ./a.csv',
    ],
    ['help about nothing there is', ['help', 'proceses'], 'did you mean processes?'],
    ['completion for an unknown shell', ['completion', 'tcsh'], 'completion takes bash, zsh or fish'],
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

  test('a table of containers is the same where their names cannot be looked up', async () => {
    const { code, stdout, stderr } = await salvor('fr', 'x', '--columns', 'container,pid', ...own)
    expect([code, stdout, stderr]).toEqual([
      0,
      'container     pid\n-               1\nabcdef         42\n',
      'note: release 6.1.0-fake\n',
    ])
  })

  test('lists and capitals are taken as they are meant, and options may stand before the command', async () => {
    const args = ['-q', 'fr', 'x', '--columns', 'PID,Comm', '--pid', '1,42', '--sort', '-pid', '-o', '-', ...own]
    expect(await salvor(...args)).toMatchObject({
      code: 0,
      stdout: 'pid  comm\n 42  ev\\x1b[31mil\\n\\u202e\n  1  init\n',
      stderr: '',
    })
  })

  test.each([
    ['rows.json', /^\{"table":"fake-rows"/],
    ['rows.ndjson', /^\{"address":"0xffff888000001000"/],
    ['rows.JSONL', /^\{"address":"0xffff888000001000"/],
    ['rows.csv', /^address,pid,comm,args,container\r\n/],
    ['rows.txt', /^address +pid +comm/],
    ['rows', /^address +pid +comm/],
  ])('the format of %s follows from its name', async (name, begins) => {
    expect(await salvor('fr', 'x', '-q', '-o', join(directory, name), ...own)).toMatchObject({ code: 0, stdout: '' })
    expect(readFileSync(join(directory, name), 'utf8')).toMatch(begins)
  })

  test('--format counts more than the name of the file', async () => {
    const file = join(directory, 'table.json')
    await salvor('fr', 'x', '-q', '-f', 'csv', '-o', file, ...own)
    expect(readFileSync(file, 'utf8')).toMatch(/^address,pid/)
  })

  test('a filter that leaves nothing says so, and --limit what it left out', async () => {
    const none = await salvor('fr', 'x', '-f', 'ndjson', '--pid', '7', ...own)
    expect(none).toMatchObject({ code: 0, stdout: '' })
    expect(none.stderr).toContain('note: fake-rows: 0 of 2 rows match --pid 7\n')
    const gone = await salvor('fr', 'x', '-f', 'ndjson', '--container', 'beef', ...own)
    expect(gone.stderr).toContain(
      'note: fake-rows: 0 of 2 rows match --container beef; which containers there are could not be read\n',
    )
    const limited = await salvor('fr', 'x', '-f', 'ndjson', '--limit', '1', ...own)
    expect(limited.stdout.split('\n')).toHaveLength(2)
    expect(limited.stderr).toContain('note: fake-rows: 1 of 2 rows (--limit)\n')
    expect((await salvor('fr', 'x', '--limit', '2', ...own)).stderr).not.toContain('--limit')
  })

  test('a line break in a name and a backslash with an n are told apart in every format', async () => {
    const written = (format: string) => salvor('names', 'x', '-f', format, ...slow).then(({ stdout }) => stdout)
    expect(await written('table')).toBe('t\na\\nb\na\\\\nb\n')
    expect(await written('csv')).toBe('t\r\na\\nb\r\na\\\\nb\r\n')
    const exact = (await written('ndjson')).trim().split('\n')
    expect(exact.map((line) => JSON.parse(line).t)).toEqual(['a\nb', 'a\\nb'])
  })

  test('a table of many rows is written while it is made', async () => {
    const { start } = await import('./run.js')
    const { child, ended } = start(['endless', 'x', '-q', ...slow])
    const begun = await new Promise<string>((resolve) => child.stdout?.once('data', resolve))
    expect(begun).toMatch(/^ +n\n +0\n +1\n/)
    child.stdout?.destroy()
    expect((await ended).code).toBe(0)
  })

  test('an image that is named twice is read once', async () => {
    const { code, stdout } = await salvor('run', 'fr', 'x', 'y', 'x', '-q', '-f', 'json', ...own)
    expect(code).toBe(0)
    expect(JSON.parse(stdout).map(({ image }: { image: string }) => image)).toEqual(['x', 'y'])
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
    const file = join(directory, 'written.ndjson')
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
