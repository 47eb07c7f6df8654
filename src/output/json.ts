import type { Column, Value } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import type { Warning } from '../warning.js'
import { printableJson } from './escape.js'
import type { Format, TableHead } from './format.js'
import { jsonCell } from './values.js'

/** Printable ASCII, of which JSON escapes nothing. */
const PLAIN = /^[ !#-[\]-~]*$/

function encode(value: unknown): string {
  return printableJson(JSON.stringify(value))
}

/** A cell as JSON. Most are plain, and need not be looked at twice. */
function cellText(column: Column, value: Value | undefined): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'string') return PLAIN.test(value) ? `"${value}"` : encode(value)
  const isPlain = typeof value === 'boolean' || (Number.isSafeInteger(value) && column.type !== 'address')
  return isPlain ? String(value) : encode(jsonCell(column, value))
}

/** A batch's rows as JSON objects. They are written column by column: rows as objects would cost more than their text. */
function objects(head: TableHead, batch: Batch, several: boolean): string[] {
  const texts = new Array<string>(batch.length).fill(several ? before(head) : '{')
  let comma = several ? ',' : ''
  for (const [name, column] of Object.entries(head.columns)) {
    const values = batch.columns[name]
    const key = `${comma}${encode(several ? among(name) : name)}:`
    let [last, text] = [undefined as Value | undefined, 'null']
    for (let row = 0; row < batch.length; row++) {
      const value = values?.[row]
      if (value !== last) [last, text] = [value, cellText(column, value)]
      texts[row] += key + text
    }
    comma = ','
  }
  return texts.map((text) => `${text}}`)
}

/** What stands before the columns where several tables are in one stream. */
function before({ table, image }: TableHead): string {
  return encode({ table, image }).slice(0, -1)
}

/** A column that is called as what stands before the columns comes with a `_` behind its name. */
function among(name: string): string {
  return name === 'table' || name === 'image' ? `${name}_` : name
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
    for (const row of objects(head, batch, false)) {
      output += `${this.rowsWritten === 0 ? '\n' : ',\n'}${row}`
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

/** One row per line; `table` and `image` come first if there are several. */
export class NdjsonFormat implements Format {
  constructor(private readonly several: boolean) {}

  start(): string {
    return ''
  }

  rows(head: TableHead, batch: Batch): string {
    return objects(head, batch, this.several)
      .map((row) => `${row}\n`)
      .join('')
  }

  end(): string {
    return ''
  }

  finish(): string {
    return ''
  }
}
