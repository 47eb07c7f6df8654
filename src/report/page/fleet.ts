/** The first view of a case: its images, and what few of them have. */

import { FLEET_IMAGES } from '../model/document.js'
import type { ReportTable } from '../model/table.js'
import type { App } from './app.js'
import { type Cell, clipped, grouped, h, plural, wideTable } from './dom.js'

/** Images on the first view, and rows of each of the other tables; the tables have them all. */
const MOST_IMAGES = 500
const MOST_ROWS = 10

const NOT_HERE: ReadonlySet<string> = new Set([FLEET_IMAGES, 'findings'])

/** Tables that the first view of a case is made of. */
export function fleetTables(app: App): string[] {
  return app.tables.image.tables.map(({ name }) => name)
}

/** Names over numbers of how many there are. */
function countsBy(table: ReportTable, column: string): HTMLElement {
  const counts = new Map<string, number>()
  for (const row of table.rows) {
    const text = table.text(row, column) || '(none)'
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  const most = [...counts].sort(([, left], [, right]) => right - left).slice(0, MOST_ROWS)
  const more = counts.size - most.length
  return h(
    'dl',
    { class: 'facts compact' },
    most.flatMap(([text, count]) => [h('dt', {}, grouped(count)), h('dd', { class: 'mono' }, text)]),
    more > 0 ? [h('dt', {}, ''), h('dd', { class: 'muted' }, `and ${grouped(more)} others`)] : null,
  )
}

function tableOf(table: ReportTable, columns: readonly string[], most: number, cell: CellOf): HTMLElement {
  return h(
    'div',
    { class: 'scroll' },
    wideTable(
      columns.map((name) => name.replaceAll('_', ' ')),
      table.first(most).map((row) => columns.map((name) => h('td', { class: 'mono' }, cell(row, name)))),
    ),
  )
}

type CellOf = (row: number, column: string) => Cell

function imagesCard(app: App, table: ReportTable): HTMLElement {
  const place = new Map(app.head.images.flatMap(({ id }, at) => (id === undefined ? [] : [[id, at] as const])))
  const columns = ['path', 'hostname', 'release', 'state', 'critical', 'high', 'medium', 'low', 'warnings', 'error']
  const cell: CellOf = (row, name) => {
    const text = clipped(table.text(row, name))
    const image = name === 'path' ? place.get(table.string(row, 'id') ?? '') : undefined
    if (image === undefined) return text
    const click = (): void => app.go({ image, view: 'overview', scope: 'host', table: '' })
    return h('button', { class: 'link', type: 'button', click }, text)
  }
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'Images', h('span', { class: 'count' }, grouped(table.head.total))),
    h('div', { class: 'two' }, countsBy(table, 'state'), countsBy(table, 'release')),
    tableOf(
      table,
      columns.filter((name) => table.has(name)),
      MOST_IMAGES,
      cell,
    ),
    moreOf(app, table, MOST_IMAGES),
  )
}

function moreOf(app: App, table: ReportTable, most: number): HTMLElement | null {
  const more = table.head.total - Math.min(table.length, most)
  if (more <= 0) return null
  const click = (): void => app.go({ view: 'tables', table: table.name })
  return h('button', { class: 'link', type: 'button', click }, plural(more, 'more row'))
}

function queryCard(app: App, table: ReportTable): HTMLElement {
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, table.name.replaceAll('-', ' '), h('span', { class: 'count' }, grouped(table.head.total))),
    h('p', { class: 'muted' }, table.head.summary),
    tableOf(table, table.mainColumns, MOST_ROWS, (row, name) => clipped(table.text(row, name))),
    moreOf(app, table, MOST_ROWS),
  )
}

/** The cards of a case, without its findings. Its tables must have been loaded. */
export function fleetCards(app: App): HTMLElement[] {
  const images = app.tables.get(FLEET_IMAGES)
  const queries = app.tables.image.tables.filter(({ name, rows }) => rows > 0 && !NOT_HERE.has(name))
  return [
    ...(images === undefined ? [] : [imagesCard(app, images)]),
    ...queries.flatMap(({ name }) => {
      const table = app.tables.get(name)
      return table === undefined ? [] : queryCard(app, table)
    }),
  ]
}
