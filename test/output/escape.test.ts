import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Column } from '../../dist/src/api/columns.js'
import { CsvFormat } from '../../dist/src/output/csv.js'
import { printable, printableJson } from '../../dist/src/output/escape.js'
import { JsonFormat, NdjsonFormat } from '../../dist/src/output/json.js'
import { TableFormat } from '../../dist/src/output/table.js'

const hostile = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u
const anyText = fc.string({ unit: 'binary', maxLength: 60 })
const columns: Record<string, Column> = {
  text: { type: 'text', description: 'Any' },
  list: { type: 'list', description: 'Any' },
  record: { type: 'record', description: 'Any' },
}
const head = { table: 'hostile', image: 'x', columns }

function write(format: CsvFormat | JsonFormat | NdjsonFormat | TableFormat, value: string): string {
  const batch = { length: 1, columns: { text: [value], list: [[value, value]], record: [{ [value]: value }] } }
  return format.start(head) + format.rows(head, batch) + format.end(head, []) + format.finish()
}

test('no control, format or separator character leaves printable', () => {
  fc.assert(fc.property(anyText, (text) => !hostile.test(printable(text))))
})

test('JSON text keeps its value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = printableJson(JSON.stringify(value))
      expect(hostile.test(json)).toBe(false)
      expect(JSON.stringify(JSON.parse(json))).toBe(JSON.stringify(value))
    }),
  )
})

test('every format escapes what an image holds', () => {
  const options = { several: false, colour: false, note: () => {} }
  fc.assert(
    fc.property(anyText, (text) => {
      for (const format of [
        new CsvFormat(),
        new JsonFormat(false),
        new NdjsonFormat(false),
        new TableFormat(options),
      ]) {
        const lines = write(format, text).split(/\r?\n/)
        expect(lines.some((line) => hostile.test(line))).toBe(false)
      }
    }),
  )
})

test('what is escaped can be told', () => {
  expect(printable('a\u001b[31m\n\u202e\u2028\ud800')).toBe('a\\x1b[31m\\n\\u202e\\u2028\\ud800')
})
