/** All that one row says, beside its table. */

import type { Column, Value } from '../../api/columns.js'
import { printableJson } from '../../output/escape.js'
import type { ReportTable } from '../model/table.js'
import type { App } from './app.js'
import { grouped, h, shown, sized } from './dom.js'
import { follow } from './grid.js'

/** A list in the panel is cut after so many items, which are the attacker's to make. */
const MOST_ITEMS = 1000

/** A value as a block: lists item by item, records as JSON with line breaks. */
export function valueBlock(column: Column, value: Value, text: string): HTMLElement {
  if (value === null) return h('span', { class: 'null' }, '–')
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) {
    const items = value as readonly string[]
    if (items.length === 0) return h('span', { class: 'null' }, 'none')
    const more = items.length - MOST_ITEMS
    return h(
      'ul',
      { class: 'plain mono' },
      items.slice(0, MOST_ITEMS).map((item) => h('li', {}, shown(item))),
      more > 0 ? h('li', { class: 'muted' }, `and ${grouped(more)} more`) : null,
    )
  }
  if (typeof value === 'object') {
    const json = JSON.stringify(value, null, 1)
    return h(
      'pre',
      {},
      json
        .split('\n')
        .map((line) => printableJson(line))
        .join('\n'),
    )
  }
  if (column.type === 'bytes' && typeof value === 'number') {
    return h('span', { class: 'mono' }, `${grouped(value)} (${sized(value)})`)
  }
  return h('span', { class: 'mono' }, text)
}

/** A row's columns as names and values. */
export function rowFacts(app: App, table: ReportTable, row: number, described: boolean): HTMLElement {
  const facts = table.columns.flatMap(([name, column]) => {
    const value = table.value(row, name)
    const lead = follow(app, table, row, name)
    const block = valueBlock(column, value, table.text(row, name))
    return [
      h(
        'dt',
        {},
        h('span', { class: 'name' }, name),
        described ? h('span', { class: 'about' }, column.description) : null,
      ),
      h('dd', {}, lead === null ? block : h('button', { class: 'link', type: 'button', click: lead }, block)),
    ]
  })
  return h('dl', { class: 'facts' }, facts)
}

/** The panel of an open row, with the findings that rest on it. */
export function rowPanel(
  app: App,
  table: ReportTable,
  row: number,
  findings: readonly HTMLElement[],
  close: () => void,
): HTMLElement {
  return h(
    'aside',
    { class: 'panel', aria: { label: 'Row' } },
    h(
      'div',
      { class: 'panel-head' },
      h('strong', {}, table.name),
      h('span', { class: 'muted' }, `row ${grouped(row + 1)}`),
      h(
        'button',
        { class: 'plain', type: 'button', title: 'Close (Esc)', aria: { label: 'Close' }, click: close },
        '×',
      ),
    ),
    findings.length === 0
      ? null
      : h('div', { class: 'panel-findings' }, h('h3', {}, 'Findings that rest on it'), [...findings]),
    rowFacts(app, table, row, true),
  )
}
