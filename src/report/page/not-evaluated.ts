import type { App } from './app.js'
import { h, wideTable } from './dom.js'

/** Rules that were not evaluated, or only partly, with the reason. */
export function notEvaluated(app: App): HTMLElement | null {
  const rules = app.tables.get('rules')
  if (rules === undefined) return null
  const rows = rules.rows.filter((row) => rules.string(row, 'state') !== 'evaluated')
  if (rows.length === 0) return null
  return h(
    'section',
    { class: 'card', id: 'not-evaluated' },
    h('h2', {}, 'Not evaluated', h('span', { class: 'count' }, `${rows.length} of ${rules.length} rules`)),
    h('p', { class: 'muted' }, 'Of these, finding nothing says nothing.'),
    wideTable(
      ['Rule', 'State', 'Why'],
      rows.map((row) => [
        rules.text(row, 'title'),
        h('td', { class: 'nowrap' }, rules.text(row, 'state')),
        rules.text(row, 'reason'),
      ]),
    ),
  )
}
