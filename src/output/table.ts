import { Chalk, type ChalkInstance } from 'chalk'
import type { Warning } from '../api/analyzer.js'
import type { Column, Value } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import { printable } from './escape.js'
import type { Format, FormatOptions, TableHead } from './format.js'
import { type Layout, lay, NULL, pad, shorten } from './layout.js'
import { isNumeric, textCell } from './values.js'

function shown(column: Column, value: Value | undefined): string {
  if (value === null || value === undefined) return NULL
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return printable(textCell(column, value))
}

/** For people: aligned columns without boxes. On a terminal, columns that do not fit are left out with a note. */
export class TableFormat implements Format {
  private readonly chalk: ChalkInstance
  private cells: string[][] = []
  private tables = 0

  constructor(private readonly options: FormatOptions) {
    this.chalk = new Chalk(options.colour ? {} : { level: 0 })
    if (options.colour && this.chalk.level === 0) this.chalk.level = 1
  }

  start(): string {
    this.cells = []
    return ''
  }

  rows(head: TableHead, batch: Batch): string {
    const columns = Object.entries(head.columns)
    for (let index = 0; index < batch.length; index++) {
      this.cells.push(columns.map(([name, column]) => shown(column, batch.columns[name]?.[index])))
    }
    return ''
  }

  end(head: TableHead, _warnings: readonly Warning[]): string {
    const columns = Object.entries(head.columns)
    const layout = lay(columns, this.cells, this.options.width)
    if (layout.hidden.length > 0) {
      const hidden = layout.hidden.join(', ')
      this.options.note(
        `${layout.hidden.length} columns do not fit (${hidden}); --columns or another --format shows them`,
      )
    }
    const title = this.options.several ? this.title(head) : ''
    const lines = this.cells.map((row) => this.line(columns, layout, row))
    return `${title}${[this.header(columns, layout), ...lines].join('\n')}\n`
  }

  finish(): string {
    return ''
  }

  private title(head: TableHead): string {
    const gap = this.tables++ === 0 ? '' : '\n'
    return `${gap}${this.chalk.bold(head.table)}  ${printable(head.image)}\n`
  }

  private header(columns: readonly [string, Column][], layout: Layout): string {
    const names = layout.shown.map(({ index, width }) => {
      const [name = '', column] = columns[index] ?? []
      return pad(shorten(name, width), width, column !== undefined && isNumeric(column))
    })
    return this.chalk.bold(names.join('  ').trimEnd())
  }

  private line(columns: readonly [string, Column][], layout: Layout, row: readonly string[]): string {
    const last = layout.shown.length - 1
    const cells = layout.shown.map(({ index, width }, position) => {
      const [, column] = columns[index] ?? []
      const right = column !== undefined && isNumeric(column)
      const text = shorten(row[index] ?? '', width)
      const padded = position === last && !right ? text : pad(text, width, right)
      return text === NULL ? this.chalk.dim(padded) : padded
    })
    return cells.join('  ').trimEnd()
  }
}
