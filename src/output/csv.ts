import type { Column, Value } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import { printableJson } from './escape.js'
import type { Format, TableHead } from './format.js'
import { jsonCell, textCell } from './values.js'

// A spreadsheet takes a cell that begins so for a formula, the full-width forms as well.
const formula = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/
const textual = new Set(['text', 'list', 'record'])

function cell(column: Column, value: Value | undefined): string {
  // A list stays exact: what its texts hold must not decide where one ends. Of a file the hash belongs to its name.
  const exact = Array.isArray(value) || (column.type === 'artifact' && value != null)
  const safe = exact ? printableJson(JSON.stringify(jsonCell(column, value))) : textCell(column, value)
  const raw = typeof value === 'string' ? value : safe
  const guarded = textual.has(column.type) && formula.test(raw) ? `'${safe}` : safe
  // An empty text is quoted, so that it differs from a value that could not be read.
  return /[",']/.test(guarded) || (guarded === '' && value === '') ? `"${guarded.replaceAll('"', '""')}"` : guarded
}

/** RFC 4180 with a header; hostile characters are escaped as for a terminal, lists and records are JSON. */
export class CsvFormat implements Format {
  start(head: TableHead): string {
    return `${Object.keys(head.columns).join(',')}\r\n`
  }

  rows(head: TableHead, batch: Batch): string {
    const columns = Object.entries(head.columns)
    let output = ''
    for (let index = 0; index < batch.length; index++) {
      output += `${columns.map(([name, column]) => cell(column, batch.columns[name]?.[index])).join(',')}\r\n`
    }
    return output
  }

  end(): string {
    return ''
  }

  finish(): string {
    return ''
  }
}
