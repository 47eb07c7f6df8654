/** One finding opened: what it means, and the rows that it rests on. */

import { type EvidenceKey, rowsNamed } from '../model/evidence.js'
import type { ReportTable } from '../model/table.js'
import type { App } from './app.js'
import { clipped, grouped, h, shown } from './dom.js'
import { MOST_EVIDENCE } from './findings.js'

/** Columns of a row of evidence. */
const MOST_COLUMNS = 9

/** The rows of a finding's evidence, table by table. */
function evidenceBlock(app: App, keys: readonly EvidenceKey[]): HTMLElement {
  const groups = new Map<string, EvidenceKey[]>()
  for (const key of keys.slice(0, MOST_EVIDENCE)) {
    const group = groups.get(key.table)
    if (group === undefined) groups.set(key.table, [key])
    else group.push(key)
  }
  const more = keys.length - MOST_EVIDENCE
  return h(
    'div',
    { class: 'evidence' },
    [...groups].map(([name, group]) => evidenceOfTable(app, name, group)),
    more > 0 ? h('p', { class: 'muted' }, `and ${grouped(more)} more rows`) : null,
  )
}

function evidenceOfTable(app: App, name: string, keys: readonly EvidenceKey[]): HTMLElement {
  const table = app.tables.get(name)
  const found = keys.map(({ key }) => ({ key, rows: table === undefined ? [] : rowsNamed(table, key) }))
  const rows = [...new Set(found.flatMap((one) => one.rows))].slice(0, MOST_EVIDENCE)
  const missing = found.filter((one) => one.rows.length === 0)
  return h(
    'div',
    { class: 'evidence-table' },
    h('h4', {}, shown(name)),
    table === undefined || rows.length === 0 ? null : evidenceRows(app, table, rows),
    missing.map(({ key }) =>
      h(
        'p',
        { class: 'mono missing' },
        Object.entries(key)
          .map(
            ([column, value]) => `${shown(column)}=${shown(typeof value === 'string' ? value : JSON.stringify(value))}`,
          )
          .join('  '),
        h(
          'span',
          { class: 'muted' },
          table === undefined ? '  (the report does not have this table)' : '  (not among the rows of the report)',
        ),
      ),
    ),
  )
}

/** One row as names and values, several as a table. */
function evidenceRows(app: App, table: ReportTable, rows: readonly number[]): HTMLElement {
  const open = (row: number) => () => app.go({ view: 'tables', table: table.name, row, scope: 'host' })
  const filled = table.mainColumns.filter((name) => rows.some((row) => table.text(row, name) !== ''))
  const names = filled.slice(0, MOST_COLUMNS)
  return h(
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
          names.map((name) => h('th', { title: table.head.columns[name]?.description ?? '' }, name)),
          h('th', {}),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map((row) =>
          h(
            'tr',
            {},
            names.map((name) => h('td', { class: 'mono' }, clipped(table.short(row, name)))),
            h('td', { class: 'go' }, h('button', { class: 'link', type: 'button', click: open(row) }, 'open')),
          ),
        ),
      ),
    ),
  )
}

/** What is known of a rule beside its findings. */
function ruleText(app: App, rule: string | null, column: string): string {
  const rules = app.tables.get('rules')
  const [row] = rules?.rowsBy(['rule'], JSON.stringify([rule])) ?? []
  return rules === undefined || row === undefined ? '' : rules.text(row, column)
}

export function findingBody(app: App, table: ReportTable, row: number, keys: readonly EvidenceKey[]): HTMLElement {
  const means = ruleText(app, table.string(row, 'rule'), 'means')
  const next = table.list(row, 'next_steps')
  const attack = [...table.list(row, 'attack'), ...table.list(row, 'kubernetes_matrix')]
  return h(
    'div',
    { class: 'finding-body' },
    h(
      'div',
      { class: 'finding-text' },
      h('p', {}, h('strong', {}, table.text(row, 'title'))),
      means === '' ? null : h('p', {}, means),
      h(
        'p',
        { class: 'muted' },
        `rule ${table.text(row, 'rule')} · ${table.text(row, 'tactic')} · confidence ${table.text(row, 'confidence')}`,
        attack.length === 0 ? '' : ` · ${attack.map(shown).join(' ')}`,
      ),
      next.length === 0
        ? null
        : h(
            'div',
            { class: 'next' },
            h('h4', {}, 'Next'),
            h(
              'ul',
              {},
              next.map((step) => h('li', {}, shown(step))),
            ),
          ),
    ),
    evidenceBlock(app, keys),
  )
}
