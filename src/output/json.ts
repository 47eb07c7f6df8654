import type { Value } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import type { Warning } from '../warning.js'
import { printableJson } from './escape.js'
import type { Format, TableHead } from './format.js'
import { jsonCell } from './values.js'

function* objects(head: TableHead, batch: Batch): Generator<Record<string, Value>> {
  const columns = Object.entries(head.columns)
  for (let index = 0; index < batch.length; index++) {
    const row: Record<string, Value> = {}
    for (const [name, column] of columns) row[name] = jsonCell(column, batch.columns[name]?.[index])
    yield row
  }
}

function encode(value: unknown): string {
  return printableJson(JSON.stringify(value))
}

/** One object per table, an array of them if there are several; a row per line. */
export class JsonFormat implements Format {
  private tables = 0
  private rowsWritten = 0

  constructor(private readonly several: boolean) {}

  start({ table, image, options }: TableHead): string {
    const opening = this.several ? (this.tables === 0 ? '[\n' : ',\n') : ''
    this.tables++
    this.rowsWritten = 0
    const known = options === undefined ? '' : `"options":${encode(options)},`
    return `${opening}{"table":${encode(table)},"image":${encode(image)},${known}"rows":[`
  }

  rows(head: TableHead, batch: Batch): string {
    let output = ''
    for (const row of objects(head, batch)) {
      output += `${this.rowsWritten === 0 ? '\n' : ',\n'}${encode(row)}`
      this.rowsWritten++
    }
    return output
  }

  end(_head: TableHead, warnings: readonly Warning[]): string {
    const list = warnings.map((warning) => `\n${encode(warning)}`).join(',')
    return `${this.rowsWritten > 0 ? '\n' : ''}],"warnings":[${list}${list === '' ? '' : '\n'}]}`
  }

  finish(): string {
    return this.several ? '\n]\n' : '\n'
  }
}

/** A column that is called as what stands before the columns comes with a `_` behind its name. */
function among({ table, image }: TableHead, row: Record<string, Value>): Record<string, Value> {
  const own = Object.entries(row).map(([name, value]) => [
    name === 'table' || name === 'image' ? `${name}_` : name,
    value,
  ])
  return { table, image, ...Object.fromEntries(own) }
}

/** One row per line; `table` and `image` come first if there are several. */
export class NdjsonFormat implements Format {
  constructor(private readonly several: boolean) {}

  start(): string {
    return ''
  }

  rows(head: TableHead, batch: Batch): string {
    let output = ''
    for (const row of objects(head, batch)) {
      output += `${encode(this.several ? among(head, row) : row)}\n`
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
