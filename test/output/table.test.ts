import { expect, test } from 'vitest'
import type { Column } from '../../dist/src/api/columns.js'
import type { Batch } from '../../dist/src/api/table.js'
import type { TableHead } from '../../dist/src/output/format.js'
import { TableFormat } from '../../dist/src/output/table.js'

const id = 'b42fff917d42b42fff917d42b42fff917d42b42fff917d42b42fff917d42abcd'
const columns: Record<string, Column> = {
  pid: { type: 'integer', description: 'Which', meaning: 'pid' },
  args: { type: 'list', description: 'How' },
  path: { type: 'text', description: 'Where' },
  started: { type: 'time', description: 'When' },
  container: { type: 'text', description: 'In what', meaning: 'container' },
}
const head: TableHead = { table: 'things', image: 'x', columns }

function format(options: { width?: number; wide?: boolean; named?: boolean; notes?: string[] } = {}): TableFormat {
  const { width, wide = false, named = false, notes = [] } = options
  const room = width === undefined ? {} : { width }
  return new TableFormat({ several: false, colour: false, wide, named, note: (line) => notes.push(line), ...room })
}

function rows(count: number, args = ['x'.repeat(4000)]) {
  const repeated = <T>(value: T): T[] => Array.from({ length: count }, () => value)
  return {
    length: count,
    columns: {
      pid: Array.from({ length: count }, (_, index) => index),
      args: repeated(args),
      path: repeated('/a/path/that/is/longer'),
      started: repeated('2026-11-23T12:57:01.258965Z'),
      container: repeated(id),
    },
  }
}

function write(table: TableFormat, batch: Batch = rows(2), of = head): string[] {
  const text = table.start(of) + table.rows(of, batch) + table.end(of) + table.finish()
  return text.split('\n').slice(0, -1)
}

test.each([20, 30, 40, 60, 80, 100])('a terminal %i wide keeps the container, with 12 digits of its id', (width) => {
  const notes: string[] = []
  const lines = write(format({ width, notes }))
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(width)
  expect(lines[0]).toMatch(/container$/)
  expect(lines[1]).toMatch(/b42fff917d42$/)
  expect(notes.join()).not.toContain('container')
})

const names = new Map([[id, 'a-name-of-\u202econtainers']])
const named: TableHead = { ...head, names }

test.each([31, 40, 50, 60, 80, 100])('a terminal %i wide cuts the name of a container, and never the id', (width) => {
  const notes: string[] = []
  const [header = '', first = ''] = write(format({ width, notes }), rows(2), named)
  expect(first.length).toBeLessThanOrEqual(width)
  expect(first).toMatch(/b42fff917d42 {2}a-name-of-\\[\\u202econtainers]*…?$/)
  expect(header).toMatch(/container$/)
  expect(notes.join()).not.toMatch(/container|, ,/)
})

test('a terminal too narrow for both has the id, and says what it left out', () => {
  const notes: string[] = []
  expect(write(format({ width: 20, notes }), rows(2), named)[1]).toMatch(/b42fff917d42$/)
  expect(notes.join()).toContain('names of containers')
})

test('what comes after thousands of rows in no container keeps its id and shows its name', () => {
  const table = format({ width: 80 })
  const none = rows(4096, ['short'])
  table.start(named)
  table.rows(named, { length: 4096, columns: { ...none.columns, container: new Array(4096).fill(null) } })
  expect(table.rows(named, rows(1, ['short']))).toMatch(/b42fff917d42 {2}a-name-of-\\…\n$/)
})

test('a container without a known name has its id, and names that no row needs take no room', () => {
  expect(write(format(), rows(1, ['a']), { ...head, names: new Map([['other', 'x']]) })[1]).toMatch(/b42fff917d42$/)
  expect(write(format(), rows(1, ['a']), { ...head, names: new Map() })).toEqual(write(format(), rows(1, ['a'])))
})

test('a pipe gets every column, and no cell of thousands of characters', () => {
  const lines = write(format())
  expect(lines[0]?.trim().split(/ +/)).toEqual(Object.keys(columns))
  expect(lines[1]).toContain(`${'x'.repeat(99)}…  /a/path`)
  for (const line of lines) expect(line.length).toBeLessThan(250)
})

test('columns that the user has named stay, however narrow the terminal', () => {
  const notes: string[] = []
  const lines = write(format({ width: 40, named: true, notes }))
  expect([lines[0]?.trim().split(/ +/), notes]).toEqual([Object.keys(columns), []])
  expect(lines[1]).toContain(`${'x'.repeat(11)}…  /a/path/tha…`)
})

test('--wide has every cell whole', () => {
  for (const table of [format({ wide: true }), format({ wide: true, width: 80 })]) {
    expect(write(table)[1]).toMatch(new RegExp(`${'x'.repeat(4000)}  .*${id}$`))
  }
})

test('a table that has one row is names and values, wrapped on a terminal', () => {
  const single = { ...head, single: true }
  const lines = (table: TableFormat) =>
    (table.rows(single, rows(1, ['one', 'two', 'three'])) + table.end(single)).split('\n')
  expect(lines(format()).slice(0, 3)).toEqual([
    'pid        0',
    'args       one two three',
    'path       /a/path/that/is/longer',
  ])
  expect(lines(format({ width: 20 })).slice(1, 3)).toEqual(['args       one two', '           three'])
})

test('a record says where its values are from, and no text of an image makes a line of its own', () => {
  const columns: Record<string, Column> = {
    name: { type: 'text', description: 'What' },
    container: { type: 'text', description: 'In what', meaning: 'container' },
    volumes: { type: 'record', description: 'Which' },
    sources: { type: 'record', description: 'From where' },
  }
  const records: TableHead = { table: 'pods', image: 'x', columns, records: true }
  const volumes = [
    {
      name: 'logs',
      kind: null,
      targets: [
        { container: 'app', target: '/var/log' },
        { container: 'b', target: '/l' },
      ],
    },
    { name: 'x\nowner  root', kind: 'emptyDir', targets: [] },
  ]
  const batch = {
    length: 1,
    columns: { name: ['a\nb'], container: [id], volumes: [volumes], sources: [{ name: 'meta\n.db', other: 'x' }] },
  }
  const table = format()
  const written = (table.rows(records, batch as never) + table.end(records)).split('\n')
  expect(written).toEqual([
    '',
    'name       a\\nb  (meta\\n.db)',
    `container  ${id}`,
    'volumes    logs  app /var/log, b /l',
    '           x\\nowner  root  emptyDir',
    '',
  ])
})

test('of a million rows only the first thousands wait for their widths', () => {
  const table = format()
  table.start(head)
  const batch = rows(2048, ['short'])
  const sizes = Array.from({ length: 500 }, () => table.rows(head, batch).length)
  expect(sizes[0]).toBe(0)
  expect(sizes[1]).toBeGreaterThan(0)
  expect(new Set(sizes.slice(2)).size).toBe(1)
  expect(JSON.stringify(table).length).toBeLessThan(10_000)
  expect(table.end(head)).toBe('')
})

test('a cell that comes after the widths are known is cut on a terminal, and not lost in a pipe', () => {
  const late = (table: TableFormat): string => {
    table.start(head)
    table.rows(head, rows(4096, ['short']))
    return table.rows(head, rows(1, ['longer', 'than', 'all', 'before', 'it']))
  }
  expect(late(format())).toContain('longer than all before it  /a/path')
  const cut = late(format({ width: 80 }))
  expect(cut).toMatch(/long… {2}.*b42fff917d42\n$/)
  expect(cut.length).toBeLessThanOrEqual(81)
})

test('what is part of a tree begins further to the right, by how deep it is, and never without end', () => {
  const name: Column = { type: 'text', description: 'What', indented_by: 'depth' }
  const tree: TableHead = { table: 'tree', image: 'x', columns: { name } }
  const depth = [0, 1, 2, null, -5, 1e9]
  const batch = { length: depth.length, columns: { depth, name: depth.map(() => 'sh') } }
  const steps = write(format(), batch, tree)
    .slice(1)
    .map((line) => line.length - line.trimStart().length)
  expect(steps).toEqual([0, 2, 4, 0, 0, 32])
})
