/** All tables, each with its rows. */

import type { TableHead } from '../model/document.js'
import type { ReportTable } from '../model/table.js'
import type { App } from './app.js'
import { fill, grouped, h, plural, put, shown } from './dom.js'
import type { Findings } from './findings.js'
import { columnTitle, Grid, type GridState, rowCount } from './grid.js'
import { rowPanel } from './row-panel.js'

const WAIT_MILLISECONDS = 120

/** A warning as one line. */
export function warningLine(warning: TableHead['warnings'][number]): string {
  const { analyzer, column, message, address, count = 1 } = warning
  const place = [analyzer, column].filter((part) => part !== undefined).join('.')
  const times = count > 1 ? ` (${grouped(count)} times${address === undefined ? '' : `, first at ${address}`})` : ''
  return shown(`${place === '' ? '' : `${place}: `}${message}${times}`)
}

/** What keeps a table from being whole. */
function troubles(head: TableHead): HTMLElement | null {
  const lines = head.warnings.map((warning) => h('li', {}, warningLine(warning)))
  if (head.failed !== null) lines.unshift(h('li', { class: 'bad' }, shown(`It did not reach the end: ${head.failed}`)))
  if (head.total > head.rows) {
    lines.unshift(
      h('li', { class: 'bad' }, `The report holds ${grouped(head.rows)} of ${grouped(head.total)} rows: it was cut`),
    )
  }
  if (lines.length === 0) return null
  return h(
    'details',
    { class: 'troubles', ...(head.failed !== null || head.total > head.rows ? { open: true } : {}) },
    h('summary', {}, plural(lines.length, 'remark')),
    h('ul', {}, lines),
  )
}

export class TablesView {
  readonly element = h('section', { class: 'view tables-view', aria: { label: 'Tables' } })
  private readonly states = new Map<string, GridState>()
  private readonly list = h('nav', { class: 'table-list', aria: { label: 'Tables' } })
  private readonly main = h('div', { class: 'table-main' })
  private timer: ReturnType<typeof setTimeout> | undefined
  private turn = 0

  constructor(
    private readonly app: App,
    private readonly findings: Findings,
  ) {
    put(this.element, this.list, this.main)
  }

  async show(): Promise<void> {
    const turn = ++this.turn
    const { place, tables } = this.app
    const name = tables.head(place.table) === undefined ? this.first() : place.table
    this.drawList(name)
    const table = await tables.load(name)
    if (table !== undefined) await tables.loadAll(this.findings.evidenceTables())
    if (turn !== this.turn) return
    if (table === undefined) fill(this.main, h('p', { class: 'muted' }, 'The report holds no table.'))
    else this.drawTable(table)
  }

  private first(): string {
    const { image } = this.app.tables
    return (image.tables.find(({ name }) => name === 'processes') ?? image.tables[0])?.name ?? ''
  }

  private drawList(current: string): void {
    const areas = new Map<string, TableHead[]>()
    for (const head of this.app.tables.image.tables) {
      const heads = areas.get(head.area)
      if (heads === undefined) areas.set(head.area, [head])
      else heads.push(head)
    }
    const groups = [...areas].map(([area, heads]) =>
      h(
        'div',
        { class: 'area' },
        h('h3', {}, shown(area)),
        heads.map((head) =>
          h(
            'button',
            {
              type: 'button',
              class: head.rows === 0 ? 'empty' : '',
              title: shown(head.summary),
              aria: head.name === current ? { current: 'true' } : {},
              click: () => this.app.go({ view: 'tables', table: head.name }),
            },
            h('span', {}, shown(head.name)),
            head.failed === null ? null : h('span', { class: 'bad', title: 'It failed' }, '!'),
            h('span', { class: 'count' }, grouped(head.total)),
          ),
        ),
      ),
    )
    const { scrollTop } = this.list
    fill(this.list, groups)
    this.list.scrollTop = scrollTop
  }

  private stateOf(table: ReportTable): GridState {
    const key = `${this.app.place.image} ${table.name}`
    let state = this.states.get(key)
    if (state === undefined) {
      state = { columns: table.mainColumns, sort: null, filter: '' }
      this.states.set(key, state)
    }
    return state
  }

  private drawTable(table: ReportTable): void {
    const { app } = this
    const { place } = app
    const state = this.stateOf(table)
    if (place.query !== '') state.filter = place.query
    const { rows, told } = app.scoped(table)
    const selected = place.row !== null && place.row < table.length ? place.row : null
    // A row that a link leads to is shown, whatever was filtered before.
    if (selected !== null && place.query === '' && state.filter !== '' && !this.isOpen()) state.filter = ''
    const count = h('span', { class: 'muted count', role: 'status' })
    const grid = new Grid(app, table, {
      state,
      rows,
      selected,
      open: (row) => {
        app.replace({ table: table.name, row })
        this.drawTable(table)
        this.element.querySelector<HTMLElement>('.grid')?.focus()
      },
      counted: (shownRows) => fill(count, rowCount(shownRows, table.length)),
    })
    const filter = h('input', {
      class: 'filter',
      type: 'search',
      value: state.filter,
      placeholder: 'Filter: word  column:word  -word  "two words"',
      aria: { label: `Filter rows of ${table.name}` },
      input: (event) => {
        clearTimeout(this.timer)
        const { value } = event.target as HTMLInputElement
        this.timer = setTimeout(() => {
          state.filter = value
          app.replace({ query: value })
          grid.update()
        }, WAIT_MILLISECONDS)
      },
      keydown: (event) => {
        if (event.key === 'ArrowDown') {
          event.preventDefault()
          grid.element.focus()
        }
      },
    })
    const { scope } = app
    const close = (): void => {
      app.replace({ row: null })
      this.drawTable(table)
      this.element.querySelector<HTMLElement>('.grid')?.focus()
    }
    const { scrollTop = 0, scrollLeft = 0 } = this.main.querySelector('.grid') ?? {}
    const same = this.main.dataset.table === table.name
    this.main.dataset.table = table.name
    fill(
      this.main,
      h(
        'header',
        { class: 'table-head' },
        h('h2', {}, shown(table.name)),
        h('p', { class: 'muted' }, shown(table.head.summary)),
      ),
      h('div', { class: 'toolbar' }, filter, this.columnChoice(table, state, grid), count),
      scope.kind === 'host' || told
        ? null
        : h('p', { class: 'hint' }, 'Rows of this table do not say whose they are: all are shown.'),
      troubles(table.head),
      h(
        'div',
        { class: 'split' },
        grid.element,
        selected === null ? null : rowPanel(app, table, selected, this.findings.restingOn(table, selected), close),
      ),
    )
    if (same) grid.element.scrollTo(scrollLeft, scrollTop)
    grid.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || selected === null) return
      event.stopPropagation()
      close()
    })
  }

  /** Whether the panel of a row is open. */
  private isOpen(): boolean {
    return this.main.querySelector('.panel') !== null
  }

  private columnChoice(table: ReportTable, state: GridState, grid: Grid): HTMLElement {
    const boxes = table.columns.map(([name, column]) =>
      h(
        'label',
        { title: columnTitle(name, column, table.head.key) },
        h('input', {
          type: 'checkbox',
          checked: state.columns.includes(name),
          change: (event) => {
            const { checked } = event.target as HTMLInputElement
            // In the order in which they are declared.
            state.columns = table.columns
              .map(([other]) => other)
              .filter((other) => (other === name ? checked : state.columns.includes(other)))
            grid.update()
          },
        }),
        h('span', { class: 'name' }, name),
        h('span', { class: 'about' }, column.description),
      ),
    )
    const set = (columns: readonly string[]): void => {
      state.columns = columns
      this.drawTable(table)
    }
    return h(
      'details',
      {
        class: 'columns',
        keydown: (event) => {
          if (event.key !== 'Escape') return
          event.stopPropagation()
          ;(event.currentTarget as HTMLDetailsElement).open = false
        },
      },
      h('summary', {}, 'Columns'),
      h(
        'div',
        { class: 'popover' },
        h(
          'div',
          { class: 'row' },
          h('button', { type: 'button', click: () => set(table.columns.map(([name]) => name)) }, 'All'),
          h('button', { type: 'button', click: () => set(table.mainColumns) }, 'Main'),
        ),
        boxes,
      ),
    )
  }
}
