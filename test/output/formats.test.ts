import { expect, test } from 'vitest'
import type { Column, Value } from '../../dist/src/api/columns.js'
import { CsvFormat } from '../../dist/src/output/csv.js'
import type { Format, TableHead } from '../../dist/src/output/format.js'
import { JsonFormat, NdjsonFormat } from '../../dist/src/output/json.js'
import { TableFormat } from '../../dist/src/output/table.js'

const columns: Record<string, Column> = {
  address: { type: 'address', description: 'Where' },
  pid: { type: 'integer', description: 'Which' },
  name: { type: 'text', description: 'What' },
  args: { type: 'list', description: 'How' },
}
const head: TableHead = { table: 'things', image: 'a.elf', columns }
const rows: Record<string, Value[]> = {
  address: [0xffff888000000000n, 16, null],
  pid: [1, 2n ** 63n, -1n],
  name: ['a "b", c', '=cmd()', ''],
  args: [['x', 'y z'], [], null],
}
const parsed = [
  { address: '0xffff888000000000', pid: 1, name: 'a "b", c', args: ['x', 'y z'] },
  { address: '0x10', pid: '0x8000000000000000', name: '=cmd()', args: [] },
  { address: null, pid: -1, name: '', args: null },
]

function write(format: Format, heads = [head]): string {
  const batch = { length: 3, columns: rows }
  const tables = heads.map((one) => format.start(one) + format.rows(one, batch) + format.end(one, []))
  return tables.join('') + format.finish()
}

test('JSON says what a table was made with, and escapes what a user gave', () => {
  const options = { path: '/a\u202e', minimum: 4, deleted: false, kind: null, pattern: ['a', 'b'] }
  const written = write(new JsonFormat(false), [{ ...head, options }])
  expect(JSON.parse(written).options).toEqual(options)
  expect(written).not.toContain('\u202e')
})

test('JSON of one table is one object', () => {
  expect(JSON.parse(write(new JsonFormat(false)))).toEqual({
    table: 'things',
    image: 'a.elf',
    rows: parsed,
    warnings: [],
  })
})

test('JSON of several tables is an array of the same objects', () => {
  const tables = JSON.parse(write(new JsonFormat(true), [head, { ...head, table: 'more' }]))
  expect(tables.map(({ table }: { table: string }) => table)).toEqual(['things', 'more'])
  expect(tables[1].rows).toEqual(parsed)
})

test('JSON of an empty table with warnings is valid', () => {
  const format = new JsonFormat(false)
  const warning = { code: 'unreadable', message: 'torn\u001b', count: 2 }
  const text = format.start(head) + format.end(head, [warning]) + format.finish()
  expect(JSON.parse(text)).toEqual({ table: 'things', image: 'a.elf', rows: [], warnings: [warning] })
})

test('NDJSON has a row per line, and says which table only among several', () => {
  const lines = (several: boolean) =>
    write(new NdjsonFormat(several))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  expect(lines(false)).toEqual(parsed)
  expect(Object.keys(lines(true)[0])).toEqual(['table', 'image', 'address', 'pid', 'name', 'args'])
})

test('NDJSON of several tables says which table a row is of, also where a column is called so', () => {
  const routes = { ...head, columns: { table: columns.name, name: columns.name } as Record<string, Column> }
  const format = new NdjsonFormat(true)
  const text = format.start() + format.rows(routes, { length: 1, columns: { table: ['main'], name: ['x'] } })
  expect(JSON.parse(text)).toEqual({ table: 'things', image: 'a.elf', table_: 'main', name: 'x' })
})

test('CSV quotes as RFC 4180 and disarms formulas', () => {
  expect(write(new CsvFormat()).split('\r\n')).toEqual([
    'address,pid,name,args',
    '0xffff888000000000,1,"a ""b"", c","[""x"",""y z""]"',
    '0x10,0x8000000000000000,"\'=cmd()",[]',
    ',-1,"",',
    '',
  ])
})

test('a text table is aligned, shows null as a dash, and ends no line in blanks', () => {
  const text = write(new TableFormat({ several: false, colour: false, wide: false, named: false, note: () => {} }))
  expect(text.split('\n')).toEqual([
    'address                            pid  name      args',
    '0xffff888000000000                   1  a "b", c  x "y z"',
    '0x10                0x8000000000000000  =cmd()',
    '-                                   -1            -',
    '',
  ])
})

test('a narrow terminal loses whole columns, and is told which', () => {
  const notes: string[] = []
  const format = new TableFormat({
    several: false,
    colour: false,
    wide: false,
    named: false,
    width: 50,
    note: (line) => notes.push(line),
  })
  const text = write(format)
  expect(text.split('\n').every((line) => line.length <= 50)).toBe(true)
  expect(notes).toEqual(['things: 1 column does not fit (args); --wide shows all, --columns those you name'])
})

test('colour is only where it is asked for', () => {
  const introducer = String.fromCharCode(27)
  expect(write(new TableFormat({ several: false, colour: true, wide: false, named: false, note: () => {} }))).toContain(
    `${introducer}[1m`,
  )
  expect(
    write(new TableFormat({ several: false, colour: false, wide: false, named: false, note: () => {} })),
  ).not.toContain(introducer)
})
