import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Column } from '../../dist/src/api/columns.js'
import { CsvFormat } from '../../dist/src/output/csv.js'
import { printable, printableJson, printableLines } from '../../dist/src/output/escape.js'
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

const options = { several: false, colour: false, wide: true, named: false, note: () => {} }

test('every format escapes what an image holds', () => {
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

test('no two texts print alike: a line break is not a backslash and an n', () => {
  expect([printable('a\nb'), printable('a\\nb')]).toEqual(['a\\nb', 'a\\\\nb'])
  fc.assert(
    fc.property(anyText, anyText, (left, right) => {
      for (const make of [() => new CsvFormat(), () => new TableFormat(options)]) {
        expect(write(make(), left) === write(make(), right)).toBe(left === right)
      }
    }),
  )
})

test('lists and records in CSV are JSON, whatever is in them', () => {
  fc.assert(
    fc.property(
      anyText.filter((text) => !/^[=+\-@'"]/.test(text)),
      (text) => {
        const line = write(new CsvFormat(), text).split('\r\n')[1] ?? ''
        const cells = [...line.matchAll(/"((?:[^"]|"")*)"|[^,]+/g)].slice(-2)
        const [list = '', record = ''] = cells.map(([whole, quoted]) => quoted?.replaceAll('""', '"') ?? whole)
        expect(JSON.parse(list)).toEqual([text, text])
        expect(JSON.parse(record)).toEqual({ [text]: text })
      },
    ),
  )
})

test('a stack keeps its lines and is as safe as every other text', () => {
  expect(printableLines('Error: \u001b[31m\u202e\n    at x')).toBe('Error: \\x1b[31m\\u202e\n    at x')
})
