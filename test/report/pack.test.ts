/** Tables in a report: what goes in comes out, and nothing of it is ever HTML. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Columns, ColumnType, Value } from '../../dist/src/api/columns.js'
import { jsonCell } from '../../dist/src/output/values.js'
import { reportHtml } from '../../dist/src/report/html.js'
import { packTable } from '../../dist/src/report/pack.js'
import { readReport, withoutData } from './read.js'

/** What a page may break on, beside any text. */
const NASTY = [
  '</script><script>alert(1)</script>',
  '<!--<script>',
  ']]>',
  '<img src=x onerror=alert(1)>',
  '\u2028\u2029',
  '\u0000\u0007\u001b]0;x\u0007',
  '\u202e\u2066evil',
  '\ud800',
  '&lt;&quot;\'"`$',
  '__proto__',
]
const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), fc.constantFrom(...NASTY))
const wide = fc.oneof(fc.integer(), fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }))

const values: Readonly<Record<Exclude<ColumnType, 'artifact'>, fc.Arbitrary<Value>>> = {
  text: anyText,
  integer: wide,
  count: wide,
  address: wide,
  bytes: wide,
  time: fc.constant('2026-11-23T12:58:13.069598Z'),
  flag: fc.boolean(),
  list: fc.array(anyText, { maxLength: 3 }),
  record: fc.dictionary(anyText, anyText, { maxKeys: 3 }),
}
const types = Object.keys(values) as (keyof typeof values)[]
const columns: Columns = Object.fromEntries(types.map((type) => [type, { type, description: 'Any' }]))
const anyRow = fc.record(
  Object.fromEntries(types.map((type) => [type, fc.option(values[type], { nil: null, freq: 6 })])),
)

function analyzer(text: string) {
  return { name: 'any', area: text, summary: text, columns }
}

async function write(rows: readonly Readonly<Record<string, Value>>[], text: string): Promise<string> {
  const table = {
    analyzer: analyzer(text),
    length: rows.length,
    columns: Object.fromEntries(types.map((type) => [type, rows.map((row) => row[type] ?? null)])),
    warnings: [{ code: 'note', message: text, analyzer: 'any' }],
    failed: text,
  }
  const tables = [await packTable(table, 1000)]
  const image = { name: text, files: [{ path: text, bytes: 1, sha256: null }], warnings: [], tables }
  let html = ''
  for await (const piece of reportHtml([image], { version: '0', made: 'now' })) html += piece
  return html
}

test('every value comes back as JSON has it, and the page around them stays the same', async () => {
  const empty = withoutData(await write([], ''))
  await fc.assert(
    fc.asyncProperty(fc.array(anyRow, { maxLength: 12 }), anyText, async (rows, text) => {
      const html = await write(rows, text)
      expect(withoutData(html)).toBe(empty)
      const { head, rows: read } = readReport(html)
      const [image] = head.images
      // Halves of surrogate pairs are kept by JSON.
      expect([image?.name, image?.tables[0]?.failed, image?.tables[0]?.summary]).toEqual([text, text, text])
      const wanted = rows.map((row) =>
        Object.fromEntries(types.map((type) => [type, jsonCell(columns[type] as Columns[string], row[type])])),
      )
      // What JSON cannot say of a record, it cannot say in any output.
      expect(read('any')).toEqual(JSON.parse(JSON.stringify(wanted)))
    }),
    { numRuns: 60 },
  )
})

test('a column with few values costs little', async () => {
  const length = 5000
  const table = {
    analyzer: { ...analyzer('x'), columns: { text: columns.text as Columns[string] } },
    length,
    columns: { text: Array.from({ length }, (_, row) => `a rather long text that is there often ${row % 3}`) },
    warnings: [],
  }
  const { text } = await packTable(table, length)
  expect(text.length).toBeLessThan(2000)
})
