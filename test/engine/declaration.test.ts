/** What declarations promise to `run`, and what cannot be declared: held by `tsc`, which reads this file. */

import {
  address,
  count,
  defineAnalyzer,
  file,
  fromOption,
  integer,
  need,
  option,
  optional,
  type Places,
  scan,
  type Table,
  text,
} from 'salvor'
import { expect, expectTypeOf, test } from 'vitest'

const base = { area: 'test', summary: 'Types' }

const files = defineAnalyzer({
  ...base,
  name: 'files',
  columns: { address: address('Where'), inode: integer('Inode'), path: text('Path') },
  key: ['inode', 'path'],
  options: { path: option.text('Only these'), least: option.count('Only larger ones', { default: 4 }) },
  *run({ kernel, options }) {
    expectTypeOf(options.path).toEqualTypeOf<string | null>()
    expectTypeOf(options.least).toEqualTypeOf<number>()
    expectTypeOf(kernel.info.release).toEqualTypeOf<string>()
    yield { address: 0n, inode: options.least, path: options.path }
  },
})

const every = defineAnalyzer({
  ...base,
  name: 'every',
  columns: { n: count('How many') },
  options: {
    deleted: option.flag('Deleted ones too'),
    kind: option.choice('Which', ['a', 'b']),
    order: option.choice('How', ['up', 'down'], { default: 'up' }),
    label: option.text('As', { default: 'x', example: 'y' }),
    pattern: option.list('What'),
    rules: option.file('From'),
    logs: option.files('And from'),
  },
  *run({ options, tables, ...rest }) {
    expectTypeOf(options.deleted).toEqualTypeOf<boolean>()
    expectTypeOf(options.kind).toEqualTypeOf<'a' | 'b' | null>()
    expectTypeOf(options.order).toEqualTypeOf<'up' | 'down'>()
    expectTypeOf(options.label).toEqualTypeOf<string>()
    expectTypeOf(options.pattern).toEqualTypeOf<readonly string[]>()
    expectTypeOf(options.rules?.size).toEqualTypeOf<number | undefined>()
    expectTypeOf(options.logs[0]?.size).toEqualTypeOf<number | undefined>()
    // @ts-expect-error: there is no such option
    options.nothing
    // @ts-expect-error: it needs no table
    tables.files
    // @ts-expect-error: it reads a memory image
    rest.file
    yield { n: options.pattern.length }
  },
})

test('needs are typed by the declaration that they name', () => {
  defineAnalyzer({
    ...base,
    name: 'rule',
    columns: { n: count('How many') },
    needs: { files: need(files, { path: '/etc/*' }), other: need('other'), every: optional(every) },
    *run({ tables }) {
      expectTypeOf(tables.files).toEqualTypeOf<Table<typeof files.columns>>()
      expectTypeOf(tables.other).toEqualTypeOf<Table>()
      tables.files.column('path')
      // @ts-expect-error: it has no such column
      tables.files.column('paht')
      if (tables.every.table === null) expectTypeOf(tables.every.why).toEqualTypeOf<string>()
      else expectTypeOf(tables.every.table).toEqualTypeOf<Table<typeof every.columns>>()
      yield { n: tables.files.length }
    },
  })
  expect(need(files, { path: '/etc/*' })).toEqual({ analyzer: 'files', optional: false, options: { path: '/etc/*' } })
  expect(optional('files')).toEqual({ analyzer: 'files', optional: true })
  // @ts-expect-error: it has no such option
  need(files, { paht: '/etc/*' })
  // @ts-expect-error: its value is no text
  need(files, { path: 4 })
  // @ts-expect-error: a file is for the user to name
  need(every, { rules: 'x' })
  // @ts-expect-error: so are several
  need(every, { logs: ['x'] })
  expect(need(every, { logs: fromOption('logs') }).options).toEqual({ logs: { option: 'logs' } })
})

test('an analyzer of a file has no kernel', () => {
  const declared = defineAnalyzer({
    ...base,
    name: 'table',
    columns: { n: count('How many') },
    source: file({ what: 'a JSON file' }),
    *run({ file, ...rest }) {
      expectTypeOf(file.size).toEqualTypeOf<number>()
      // @ts-expect-error: nothing was opened that has one
      rest.kernel
      yield { n: file.size }
    },
  })
  expect(declared.source).toEqual({ kind: 'file', what: 'a JSON file' })
})

test('no address is part of a key', () => {
  const columns = { address: address('Where'), inode: integer('Inode') }
  const rows = { ...base, name: 'keyed', columns, run: () => [] }
  // @ts-expect-error: it means another thing in every image
  defineAnalyzer({ ...rows, key: ['address'] })
  // @ts-expect-error: there is no such column
  defineAnalyzer({ ...rows, key: ['inod'] })
  expect(defineAnalyzer({ ...rows, key: ['inode'] }).key).toEqual(['inode'])
})

test('hits are typed by the scans that are declared', () => {
  const declared = defineAnalyzer({
    ...base,
    name: 'scanned',
    columns: { n: count('How many') },
    options: { pattern: option.list('What') },
    scans: {
      tasks: scan.tasks(),
      markers: scan.bytes({ patterns: ['a', { hex: '00ff' }] }),
      own: scan.bytes({ patterns: scan.given('pattern') }),
    },
    *run({ scans }) {
      expectTypeOf(scans.tasks).toEqualTypeOf<BigUint64Array>()
      expectTypeOf(scans.markers).toEqualTypeOf<Places>()
      expectTypeOf(scans.own).toEqualTypeOf<Places>()
      // @ts-expect-error: it declares no such scan
      scans.others
      yield { n: scans.markers.length }
    },
  })
  expect(JSON.parse(JSON.stringify(declared.scans))).toEqual(declared.scans)
})
