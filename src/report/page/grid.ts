/** A table of any length: sorted, filtered, with columns of choice, for mouse and keyboard. */

import type { Column } from '../../api/columns.js'
import { filterRows, type SortKey, sortRows } from '../model/filter.js'
import type { ReportTable } from '../model/table.js'
import type { App } from './app.js'
import { clipped, fill, grouped, h, put } from './dom.js'
import { VirtualRows } from './virtual.js'

const ROW = 24
const HEADER = 28
const PADDING = 20
const [NARROWEST, WIDEST] = [5, 56]
/** Rows that column widths are measured in. */
const MEASURED = 300

const UNITS: Readonly<Record<string, string>> = { bytes: 'bytes', time: 'UTC', count: '#' }
const RIGHT: ReadonlySet<string> = new Set(['integer', 'count', 'bytes'])

/** What a table keeps while the page is open. */
export interface GridState {
  columns: readonly string[]
  sort: SortKey | null
  filter: string
}

export interface GridOptions {
  readonly state: GridState
  /** Rows to choose from. */
  readonly rows: readonly number[]
  /** The row that is open. */
  readonly selected: number | null
  readonly open: (row: number) => void
  /** Hears how many rows are shown. */
  readonly counted?: (count: number) => void
}

/** Where a cell leads: to the process or container, or to the namespace's row. */
export function follow(app: App, table: ReportTable, row: number, name: string): (() => void) | null {
  const { meaning } = table.head.columns[name] ?? {}
  const value = table.value(row, name)
  if (value === null) return null
  if ((meaning === 'pid' || meaning === 'process') && typeof value === 'number') {
    const node = app.image.process(value)
    return node === undefined ? null : () => app.select(node.id)
  }
  if (meaning === 'container' && typeof value === 'string') {
    const node = app.image.container(value)
    return node === undefined ? null : () => app.select(node.id)
  }
  if (meaning === 'pod' && typeof value === 'string') {
    const node = app.image.node(`pod ${value}`)
    return node === undefined ? null : () => app.select(node.id)
  }
  if (meaning === 'namespace' && app.tables.head('namespaces') !== undefined) {
    return () => app.go({ view: 'tables', table: 'namespaces', query: `inode:${value}`, scope: 'host' })
  }
  return null
}

/** What a header says of its column when it is pointed at. */
export function columnTitle(name: string, column: Column, key: readonly string[] | null): string {
  const remarks = [column.type, column.meaning, key?.includes(name) ? 'part of the key' : undefined]
  return `${name}: ${column.description}\n${remarks.filter((remark) => remark).join(' · ')}`
}

/** Width of a character of the cells' font, which has one for all. */
let character: number | undefined

function characterWidth(): number {
  if (character === undefined) {
    const context = document.createElement('canvas').getContext('2d')
    if (context === null) return 8
    const fonts = getComputedStyle(document.documentElement).getPropertyValue('--mono')
    context.font = `12px ${fonts}`
    character = context.measureText('0').width
  }
  return character
}

export class Grid {
  readonly element: HTMLElement
  private readonly header: HTMLElement
  private readonly virtual: VirtualRows
  private shownRows: readonly number[] = []
  private active: { row: number; column: number } = { row: 0, column: 0 }

  constructor(
    private readonly app: App,
    private readonly table: ReportTable,
    private readonly options: GridOptions,
  ) {
    this.header = h('div', { class: 'grid-head', role: 'row', aria: { rowindex: 1 } })
    this.element = h('div', {
      class: 'grid',
      role: 'grid',
      tabindex: 0,
      aria: { label: `Table ${table.name}` },
      keydown: (event) => this.key(event),
    })
    this.virtual = new VirtualRows(this.element, ROW, (index) => this.draw(index), HEADER)
    put(this.element, this.header, this.virtual.body)
    this.update()
    const at = options.selected === null ? -1 : this.shownRows.indexOf(options.selected)
    if (at >= 0) {
      this.active.row = at
      requestAnimationFrame(() => this.virtual.reveal(at))
    }
  }

  /** Filters, sorts and draws anew. */
  update(): void {
    const { state, rows, counted } = this.options
    const filtered = filterRows(this.table, rows, state.filter)
    this.shownRows = sortRows(this.table, filtered, state.sort)
    this.active = { row: 0, column: Math.min(this.active.column, Math.max(0, state.columns.length - 1)) }
    this.element.setAttribute('aria-rowcount', String(this.shownRows.length + 1))
    this.element.setAttribute('aria-colcount', String(state.columns.length))
    this.element.style.setProperty('--columns', this.widths())
    this.drawHeader()
    this.virtual.reset(this.shownRows.length)
    this.point()
    counted?.(this.shownRows.length)
  }

  private widths(): string {
    const measured = this.shownRows.slice(0, MEASURED)
    const character = characterWidth()
    const widths = this.options.state.columns.map((name) => {
      let most = name.length + 3
      for (const row of measured) most = Math.max(most, this.table.short(row, name).length)
      return Math.ceil(Math.min(WIDEST, Math.max(NARROWEST, most)) * character) + PADDING
    })
    return widths.map((width) => `${width}px`).join(' ')
  }

  private drawHeader(): void {
    const { state } = this.options
    const { columns, key } = this.table.head
    const cells = state.columns.map((name, index) => {
      const column = columns[name] as Column
      const sorted = state.sort?.column === name ? (state.sort.descending ? 'descending' : 'ascending') : 'none'
      return h(
        'div',
        {
          class: `cell ${RIGHT.has(column.type) ? 'right' : ''}`,
          role: 'columnheader',
          title: columnTitle(name, column, key),
          aria: { sort: sorted, colindex: index + 1 },
          click: () => this.sortBy(name),
        },
        h('span', { class: 'name' }, name),
        column.type in UNITS ? h('span', { class: 'unit' }, UNITS[column.type]) : null,
        h('span', { class: 'arrow' }),
      )
    })
    fill(this.header, cells)
  }

  /** Ascending, descending, as it was. */
  private sortBy(name: string): void {
    const { state } = this.options
    const { sort } = state
    if (sort?.column !== name) state.sort = { column: name, descending: false }
    else state.sort = sort.descending ? null : { column: name, descending: true }
    this.update()
  }

  private draw(index: number): HTMLElement {
    const row = this.shownRows[index] ?? 0
    const { state, selected } = this.options
    const cells = state.columns.map((name, column) => this.cell(index, row, name, column))
    return h(
      'div',
      {
        class: 'grid-row',
        role: 'row',
        aria: { rowindex: index + 2, selected: row === selected },
        click: () => {
          this.active = { ...this.active, row: index }
          this.options.open(row)
        },
      },
      cells,
    )
  }

  private cell(index: number, row: number, name: string, column: number): HTMLElement {
    const { type } = this.table.head.columns[name] as Column
    const value = this.table.value(row, name)
    const text = this.table.short(row, name)
    const lead = follow(this.app, this.table, row, name)
    const isActive = index === this.active.row && column === this.active.column
    const cut = clipped(text)
    const severity = name === 'severity' ? ` severity ${cut}` : ''
    return h(
      'div',
      {
        class: `cell ${type}${RIGHT.has(type) ? ' right' : ''}${value === null ? ' null' : ''}`,
        role: 'gridcell',
        id: `cell-${index}-${column}`,
        aria: { colindex: column + 1 },
        data: isActive ? { active: '' } : {},
      },
      lead === null || cut === ''
        ? h('span', { class: `text${severity}` }, value === null ? '–' : cut)
        : h(
            'a',
            {
              class: 'text lead',
              click: (event) => {
                event.stopPropagation()
                lead()
              },
            },
            cut,
          ),
    )
  }

  private point(): void {
    this.element.setAttribute('aria-activedescendant', `cell-${this.active.row}-${this.active.column}`)
  }

  private move(rows: number, columns: number): void {
    const { state } = this.options
    const clamp = (value: number, length: number) => Math.max(0, Math.min(length - 1, value))
    this.active = {
      row: clamp(this.active.row + rows, this.shownRows.length),
      column: clamp(this.active.column + columns, state.columns.length),
    }
    this.virtual.reveal(this.active.row)
    this.virtual.refresh()
    this.point()
    const cell = this.element.querySelector<HTMLElement>('[data-active]')
    if (columns !== 0) cell?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey || event.metaKey) return
    const last = this.shownRows.length
    const width = this.options.state.columns.length
    const active = this.shownRows[this.active.row]
    const name = this.options.state.columns[this.active.column]
    const actions: Record<string, () => void> = {
      ArrowDown: () => this.move(1, 0),
      ArrowUp: () => this.move(-1, 0),
      ArrowRight: () => this.move(0, 1),
      ArrowLeft: () => this.move(0, -1),
      PageDown: () => this.move(this.virtual.page, 0),
      PageUp: () => this.move(-this.virtual.page, 0),
      Home: () => (event.ctrlKey ? this.move(-last, -width) : this.move(0, -width)),
      End: () => (event.ctrlKey ? this.move(last, width) : this.move(0, width)),
      Enter: () => (active === undefined ? undefined : this.options.open(active)),
      s: () => (name === undefined ? undefined : this.sortBy(name)),
      g: () => {
        if (active !== undefined && name !== undefined) follow(this.app, this.table, active, name)?.()
      },
    }
    if (event.ctrlKey && event.key !== 'Home' && event.key !== 'End') return
    const action = actions[event.key]
    if (action === undefined) return
    event.preventDefault()
    action()
  }
}

/** The words under a table: how many rows there are. */
export function rowCount(count: number, of: number): string {
  return count === of ? `${grouped(of)} rows` : `${grouped(count)} of ${grouped(of)} rows`
}
