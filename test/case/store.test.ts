import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { address, bytes, flag, integer, list, record, text, time } from '../../dist/src/api/columns.js'
import { microseconds } from '../../dist/src/case/rows-file.js'
import { savedQueries } from '../../dist/src/case/saved-queries.js'
import { CaseSource } from '../../dist/src/case/sql.js'
import { CaseStore } from '../../dist/src/case/store.js'
import { type Checked, verify } from '../../dist/src/case/verify.js'
import { isoTime } from '../../dist/src/iso-time.js'
import { addImage } from './made.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-case-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const columns = {
  at: address('An address'),
  number: integer('A number'),
  size: bytes('A size'),
  when: time('A time'),
  is: flag('A flag'),
  words: list('Texts'),
  more: record('Anything'),
  image_id: text('A column that is called like one of the case'),
  'odd"name': text('A name with a quote'),
}

const U64 = 2n ** 64n - 1n
const rows = [
  {
    at: U64,
    number: -(2n ** 63n),
    size: 2n ** 63n,
    when: '9999-12-31T23:59:59.999999Z',
    is: true,
    words: ['', 'a"b', '\0', 'é😀'],
  },
  {
    at: 0,
    number: U64,
    size: 0,
    when: '1969-12-31T23:59:59.999999Z',
    is: false,
    words: [],
    image_id: "it's; DROP TABLE images",
  },
  { more: { nested: [1, '0xffffffffffffffff', null, { text: '\u202e' }] }, 'odd"name': '\u001b[31m' },
  { more: 'a text' },
]

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const source = await CaseSource.open(folder)
  try {
    const found: Record<string, unknown>[] = []
    for await (const batch of (await source.query(sql)).batches)
      for (let index = 0; index < batch.length; index++)
        found.push(Object.fromEntries(Object.entries(batch.columns).map(([name, values]) => [name, values[index]])))
    return found
  } finally {
    source.close()
  }
}

async function faults(hash: string | null = '0'.repeat(64), head?: string): Promise<Checked[]> {
  const store = await CaseStore.read(folder)
  try {
    const found = []
    const options = { hashFile: async () => hash, lookAt: async () => null, ...(head === undefined ? {} : { head }) }
    for await (const checked of verify(store, options)) if (checked.state !== 'unchanged') found.push(checked)
    return found
  } finally {
    store.close()
  }
}

async function change(sql: string): Promise<void> {
  const store = await CaseStore.write(folder)
  await store.database.run(sql)
  store.close()
}

test('keeps every value as it is: 64 bits of either sign, times, nulls, lists, hostile text', async () => {
  expect(await addImage(folder, 'host', [{ analyzer: 'odd-table', columns, rows }])).toEqual([])
  const found = await query('SELECT * EXCLUDE (image_id, image_row) FROM odd_table ORDER BY image_row')
  expect(found).toHaveLength(rows.length)
  for (const [index, row] of rows.entries()) {
    const { image_id, ...others } = row as Record<string, unknown>
    const expected = Object.fromEntries(
      Object.keys(columns).map((name) => [
        name === 'image_id' ? 'image_id_' : name,
        name === 'image_id' ? (image_id ?? null) : (others[name] ?? null),
      ]),
    )
    const plain = Object.fromEntries(
      Object.entries(expected).map(([name, value]) => [
        name,
        ['at', 'number', 'size'].includes(name) && value !== null ? BigInt(value as bigint) : value,
      ]),
    )
    expect(found[index]).toEqual(plain)
  }
  expect(await faults()).toEqual([])
})

test('says of what it cannot keep that it could not', async () => {
  const warnings = await addImage(folder, 'host', [
    { analyzer: 'odd', columns, rows: [{ at: -1n, number: 2n ** 64n, when: 'yesterday' }] },
  ])
  expect(warnings.map(({ column, count }) => [column, count])).toEqual([
    ['at', 1],
    ['number', 1],
    ['when', 1],
  ])
})

test('counts microseconds of any day that a calendar has', () => {
  fc.assert(
    fc.property(fc.bigInt(-8_640_000_000_000_000_000n, 8_640_000_000_000_000_000n), (found) => {
      const iso = isoTime(found * 1000n)
      expect(iso === null ? null : microseconds(iso)).toBe(iso === null ? null : found)
    }),
  )
})

test('a result that is there already stays, and another path leads to it', async () => {
  const table = { analyzer: 'odd', columns, rows }
  await addImage(folder, 'host', [table])
  await addImage(folder, 'host', [table], join(folder, 'copy')).catch((error) => expect(error.code).toBe('EEXIST'))
  expect(await query('SELECT count(*) AS n FROM odd')).toEqual([{ n: BigInt(rows.length) }])
})

test.each([
  ["SELECT * FROM read_csv('/etc/passwd')", /disabled|Permission/],
  ["COPY images TO '/tmp/salvor-leak.csv'", /disabled|Permission/],
  ["ATTACH '/tmp/salvor-leak.db'", /disabled|Permission/],
  ['DELETE FROM images', /read-only/],
  ['SET enable_external_access = true', /locked/],
  ['INSTALL httpfs', /disabled|Permission/],
  ['SELECT 1; SELECT 2', /one statement/],
])('a query reaches the tables and nothing else: %s', async (sql, message) => {
  await addImage(folder, 'host', [{ analyzer: 'odd', columns, rows }])
  await expect(query(sql)).rejects.toThrow(message)
})

test('names what changed: rows, manifests, files beside, images', async () => {
  await addImage(folder, 'a', [{ analyzer: 'odd', columns, rows }])
  await addImage(folder, 'b', [{ analyzer: 'odd', columns, rows }])
  expect(await faults()).toEqual([])
  expect(await faults('1'.repeat(64))).toMatchObject([{ kind: 'image' }, { kind: 'image' }])
  expect(await faults(null)).toMatchObject([{ state: 'missing' }, { state: 'missing' }])
  expect(await faults(undefined, 'f'.repeat(64))).toMatchObject([{ kind: 'chain', state: 'missing' }])

  const before = (await query('SELECT image_id FROM odd ORDER BY image_id LIMIT 1'))[0]?.image_id
  await change(`UPDATE odd SET number = 7 WHERE image_row = 0 AND image_id = '${before}'`)
  expect(await faults()).toMatchObject([{ kind: 'table', state: 'changed', what: `odd of ${before}` }])
  await change('UPDATE manifests SET manifest = replace(manifest, \'"rows": 4\', \'"rows": 3\') WHERE sequence = 1')
  const kinds = (await faults()).map(({ kind, state }) => `${kind} ${state}`)
  expect(kinds).toEqual(expect.arrayContaining(['chain changed', 'manifest changed', 'table changed']))
  await change('DELETE FROM manifests WHERE sequence = 1')
  expect((await faults()).map(({ kind, state }) => `${kind} ${state}`)).toEqual(
    expect.arrayContaining(['chain missing', 'manifest added', 'table added']),
  )
})

test('a newer version adds columns, and what was there keeps its hash', async () => {
  await addImage(folder, 'a', [
    { analyzer: 'odd', columns: { number: columns.number, is: columns.is }, rows: [{ number: 1, is: true }] },
  ])
  await addImage(folder, 'b', [
    {
      analyzer: 'odd',
      columns: { at: columns.at, number: columns.number, is: columns.is },
      rows: [{ at: 5, number: 2, is: false }],
    },
  ])
  expect(await query('SELECT number, "at" FROM odd ORDER BY number')).toEqual([
    { number: 1n, at: null },
    { number: 2n, at: 5n },
  ])
  expect(await faults()).toEqual([])
})

test('the queries that salvor brings along say what they answer', () => {
  expect(savedQueries().length).toBeGreaterThanOrEqual(7)
  for (const { what, sql } of savedQueries())
    expect([what.endsWith('.'), sql.trimEnd().endsWith(';')]).toEqual([true, true])
})

test('what is no case is no case', async () => {
  writeFileSync(join(folder, 'case.duckdb'), 'not a database')
  await expect(CaseStore.read(folder)).rejects.toMatchObject({ code: 'EVIDENCE' })
  await expect(CaseStore.read(tmpdir())).rejects.toMatchObject({ code: 'USAGE' })
})
