/** A search over all tables. */

import { filterRows } from '../model/filter.js'
import type { App } from './app.js'
import { clipped, fill, grouped, h, put, shown } from './dom.js'

/** Rows of each table that are shown; a button leads to all of them. */
const MOST_ROWS = 5
const MOST_COLUMNS = 8

export class SearchView {
  readonly element = h('section', { class: 'view search-view', aria: { label: 'Search' } })
  private turn = 0

  constructor(private readonly app: App) {}

  async show(): Promise<void> {
    const turn = ++this.turn
    const { app } = this
    const { query } = app.place
    const results = h('div', { class: 'results' })
    const status = h('p', { class: 'muted', role: 'status' }, 'Searching …')
    fill(this.element, h('div', { class: 'page' }, h('h2', {}, 'Search'), status, results))
    if (query.trim() === '') {
      fill(status, 'Type what to look for: words, column:word, -word, or "two words".')
      return
    }
    let [found, tables] = [0, 0]
    for (const { name } of app.tables.image.tables) {
      const table = await app.tables.load(name)
      // The page stays alive between tables, and a newer search ends this one.
      await new Promise((resolve) => setTimeout(resolve))
      if (turn !== this.turn) return
      if (table === undefined) continue
      const rows = filterRows(table, app.scoped(table).rows, query)
      if (rows.length === 0) continue
      found += rows.length
      tables++
      const columns = table.mainColumns.filter((column) =>
        rows.slice(0, MOST_ROWS).some((row) => table.text(row, column) !== ''),
      )
      const names = columns.slice(0, MOST_COLUMNS)
      put(
        results,
        h(
          'section',
          { class: 'card' },
          h(
            'h3',
            {},
            h(
              'button',
              { class: 'link', type: 'button', click: () => app.go({ view: 'tables', table: name, query }) },
              shown(name),
            ),
            h('span', { class: 'count' }, grouped(rows.length)),
          ),
          h(
            'div',
            { class: 'scroll' },
            h(
              'table',
              {},
              h(
                'thead',
                {},
                h(
                  'tr',
                  {},
                  names.map((column) => h('th', {}, column)),
                ),
              ),
              h(
                'tbody',
                {},
                rows.slice(0, MOST_ROWS).map((row) =>
                  h(
                    'tr',
                    { class: 'lead', click: () => app.go({ view: 'tables', table: name, row, query }) },
                    names.map((column) => h('td', { class: 'mono' }, clipped(table.short(row, column)))),
                  ),
                ),
              ),
            ),
          ),
        ),
      )
      fill(status, `${grouped(found)} rows in ${tables} tables …`)
    }
    fill(status, found === 0 ? 'Nothing was found.' : `${grouped(found)} rows in ${tables} tables`)
  }
}
