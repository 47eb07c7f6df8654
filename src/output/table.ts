import { Chalk, type ChalkInstance } from 'chalk'
import { type Column, text, type Value } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import { printable } from './escape.js'
import type { Format, FormatOptions, TableHead } from './format.js'
import { type Layout, lay, NULL, pad, type Shown, shorten, widthOf } from './layout.js'
import { isNumeric, jsonCell, textCell } from './values.js'
import { wrap } from './wrap.js'

/** Widths are found from this many rows; those after them are written as they come. */
const SAMPLE_ROWS = 4096

/** As many digits of an id as the container engines show themselves. */
const ID_DIGITS = 12
const fullId = /^[0-9a-f]{32,64}$/

/** Steps to the right at most: a deeper tree is hostile, or too wide for anybody. */
const MOST_STEPS = 16

/** How far to the right a cell begins that is part of a tree. */
function indentOf({ indented_by }: Column, { columns }: Batch, index: number): string {
  const depth = indented_by === undefined ? null : columns[indented_by]?.[index]
  return typeof depth === 'number' ? '  '.repeat(Math.min(Math.max(depth, 0), MOST_STEPS)) : ''
}

/** Where names stand, behind the ids that they belong to: the heading of these is theirs too. */
const NAMES: readonly [string, Column] = ['', text('Name of the container', { meaning: 'container_name' })]

function hasNames({ names }: TableHead, column: Column): boolean {
  return column.meaning === 'container' && names !== undefined && names.size > 0
}

/** Where a value of a row came from, by its column: told behind the values of a record. */
const SOURCES = 'sources'

/** The columns as people see them. */
function columnsOf(head: TableHead): (readonly [string, Column])[] {
  const shown = Object.entries(head.columns).filter(([name]) => head.records !== true || name !== SOURCES)
  return shown.flatMap((entry) => (hasNames(head, entry[1]) ? [entry, NAMES] : [entry]))
}

/** A value of a record, safe to print: nothing of it is cut, and things of several parts have a line each. */
function whole(column: Column, value: Value | undefined): string {
  if (value === null || value === undefined) return NULL
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  const things = jsonCell(column, value)
  if (!Array.isArray(things) || !things.some((thing) => typeof thing === 'object')) return textCell(column, value)
  return things.map((thing) => printable(partsOf(thing))).join('\n')
}

function partsOf(thing: unknown): string {
  if (typeof thing !== 'object' || thing === null) return String(thing)
  if (Array.isArray(thing)) return thing.map((part) => partsOf(part).replaceAll('  ', ' ')).join(', ')
  const parts = Object.values(thing).filter((part) => part !== null)
  return parts
    .map(partsOf)
    .filter((part) => part !== '')
    .join('  ')
}

function sourcesOf({ columns }: Batch, index: number): Readonly<Record<string, string>> {
  const sources = columns[SOURCES]?.[index]
  return typeof sources === 'object' && sources !== null ? (sources as unknown as Record<string, string>) : {}
}

/**
 * For people: aligned columns without boxes, an only row as names and values. On a terminal, columns that do not fit
 * are left out with a note. However many rows come, no more than the first of them are kept.
 */
export class TableFormat implements Format {
  private readonly chalk: ChalkInstance
  private sample: string[][] = []
  private layout: Layout | undefined
  private tables = 0
  /** Of a part of a page: it is written before its first row. */
  private heading = ''

  constructor(private readonly options: FormatOptions) {
    this.chalk = new Chalk(options.colour ? {} : { level: 0 })
    if (options.colour && this.chalk.level === 0) this.chalk.level = 1
  }

  start(head: TableHead): string {
    this.sample = []
    this.layout = undefined
    if (!this.options.several) return ''
    if (this.options.page === true) {
      this.heading = this.chalk.bold.underline(head.table)
      return ''
    }
    return `${this.gap()}${this.chalk.bold(head.table)}  ${printable(head.image)}\n`
  }

  private gap(): string {
    return this.tables++ === 0 ? '' : '\n'
  }

  /** The heading of a part of a page, once. */
  private part(): string {
    if (this.heading === '') return ''
    const heading = `${this.gap()}${this.heading}\n`
    this.heading = ''
    return heading
  }

  rows(head: TableHead, batch: Batch): string {
    const columns = columnsOf(head)
    let output = ''
    for (let index = 0; index < batch.length; index++) {
      const row = this.row(head, batch, index)
      if (head.single === true) output += this.part() + this.record(columns, row)
      else if (head.records === true)
        output += (this.part() || '\n') + this.record(columns, row, sourcesOf(batch, index))
      else if (this.layout !== undefined) output += this.line(columns, this.layout, row)
      else if (this.sample.push(row) >= SAMPLE_ROWS) output += this.settle(head)
    }
    return output
  }

  end(head: TableHead): string {
    const alone = head.single === true || head.records === true
    return this.layout !== undefined || alone ? '' : this.settle(head)
  }

  finish(): string {
    return ''
  }

  private row(head: TableHead, batch: Batch, index: number): string[] {
    const { columns } = batch
    const row: string[] = []
    for (const name in head.columns) {
      if (head.records === true && name === SOURCES) continue
      const column = head.columns[name] as Column
      const value = columns[name]?.[index]
      row.push(
        head.records === true ? whole(column, value) : indentOf(column, batch, index) + this.shown(column, value),
      )
      if (hasNames(head, column)) row.push(printable(head.names?.get(String(value)) ?? ''))
    }
    return row
  }

  /** A value as a cell, safe to print. */
  private shown(column: Column, value: Value | undefined): string {
    if (value === null || value === undefined) return NULL
    if (typeof value === 'boolean') return value ? 'yes' : 'no'
    const cell = textCell(column, value)
    return column.meaning === 'container' && !this.options.wide && fullId.test(cell) ? cell.slice(0, ID_DIGITS) : cell
  }

  /** Fixes the layout by the rows so far, and writes them. */
  private settle(head: TableHead): string {
    if (this.options.page === true && this.sample.length === 0) return ''
    const columns = columnsOf(head)
    const layout = lay(columns, this.sample, this.options)
    const { hidden } = layout
    if (hidden.length > 0) {
      const many = hidden.length === 1 ? '1 column does' : `${hidden.length} columns do`
      this.options.note(
        `${head.table}: ${many} not fit (${hidden.map((name) => name || 'names of containers').join(', ')}); --wide shows all, --columns those you name`,
      )
    }
    const lines = this.sample.map((row) => this.line(columns, layout, row)).join('')
    this.sample = []
    this.layout = layout
    return `${this.part()}${this.header(columns, layout)}\n${lines}`
  }

  private header(columns: readonly (readonly [string, Column])[], layout: Layout): string {
    const names = layout.shown.map(({ index, width }) => {
      const [name = '', column] = columns[index] ?? []
      return pad(shorten(name, width), width, column !== undefined && isNumeric(column))
    })
    return this.chalk.bold(names.join('  ').trimEnd())
  }

  private line(columns: readonly (readonly [string, Column])[], layout: Layout, row: readonly string[]): string {
    const last = layout.shown.length - 1
    const cells = layout.shown.map((shown, position) => {
      const [, column] = columns[shown.index] ?? []
      return this.cell(shown, row[shown.index] ?? '', column !== undefined && isNumeric(column), position === last)
    })
    return `${cells.join('  ').trimEnd()}\n`
  }

  private cell({ width, most }: Shown, text: string, right: boolean, last: boolean): string {
    const cut = shorten(text, most)
    const padded = last && !right ? cut : pad(cut, width, right)
    return text === NULL ? this.chalk.dim(padded) : padded
  }

  /** A row that stands alone: a line for each column, wrapped on a terminal. */
  private record(
    columns: readonly (readonly [string, Column])[],
    row: readonly string[],
    sources: Readonly<Record<string, string>> = {},
  ): string {
    const { width, wide } = this.options
    const label = Math.max(...columns.map(([name]) => widthOf(name)))
    const room = width === undefined || wide ? Number.POSITIVE_INFINITY : Math.max(width - label - 2, ID_DIGITS)
    return columns
      .map(([name], index) => {
        const from =
          Object.hasOwn(sources, name) && row[index] !== NULL ? `  (${printable(String(sources[name]))})` : ''
        const [first = '', ...others] = `${row[index] ?? ''}${from}`.split('\n').flatMap((line) => wrap(line, room))
        const value = first === NULL ? this.chalk.dim(first) : first
        const indented = others.map((line) => `${' '.repeat(label + 2)}${line}\n`)
        return `${this.chalk.bold(pad(name, label, false))}  ${value}\n${indented.join('')}`
      })
      .join('')
  }
}
