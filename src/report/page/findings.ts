/** Findings, each with the rows that it rests on. */

import { append } from '../../append.js'
import { type EvidenceKey, evidenceOf, rowsNamed, timeOf } from '../model/evidence.js'
import type { ReportTable } from '../model/table.js'
import type { TreeNode } from '../model/tree.js'
import type { App } from './app.js'
import { clipped, fill, grouped, h, moment, plural, put, shown } from './dom.js'

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const
export type Severity = (typeof SEVERITIES)[number]

/** More evidence of one finding is counted, not drawn. */
const MOST_EVIDENCE = 50
/** Findings that are in the page at once; a button brings as many more. */
const MOST_FINDINGS = 500
/** Columns of a row of evidence. */
const MOST_COLUMNS = 9

function severityOf(table: ReportTable, row: number): Severity {
  const value = table.string(row, 'severity')
  return SEVERITIES.find((name) => name === value) ?? 'info'
}

/** What is known of the findings of one image. */
export class Findings {
  private image: unknown
  private evidence: EvidenceKey[][] = []
  private byRow: Map<string, number[]> | undefined
  private marks = new Map<string, { severity: Severity; count: number }>()

  constructor(private readonly app: App) {}

  get table(): ReportTable | undefined {
    return this.app.tables.get('findings')
  }

  evidenceOf(row: number): readonly EvidenceKey[] {
    this.read()
    return this.evidence[row] ?? []
  }

  /** Names of the tables that evidence is of, as far as the report has them. */
  evidenceTables(): string[] {
    this.read()
    const names = new Set(this.evidence.flatMap((keys) => keys.map(({ table }) => table)))
    return [...names].filter((name) => this.app.tables.head(name) !== undefined)
  }

  /** When something of a finding happened; the tables of its evidence must have been loaded. */
  timeOf(row: number): string | null {
    return timeOf(this.evidenceOf(row), (name) => this.app.tables.get(name))
  }

  /** The worst of a node's findings, and how many there are with those below it. */
  mark(node: TreeNode): { severity: Severity; count: number } | undefined {
    this.read()
    return this.marks.get(node.id)
  }

  countBySeverity(): Map<Severity, number> {
    const counts = new Map<Severity, number>()
    const { table } = this
    for (let row = 0; table !== undefined && row < table.length; row++) {
      const severity = severityOf(table, row)
      counts.set(severity, (counts.get(severity) ?? 0) + 1)
    }
    return counts
  }

  /** Links to the findings that rest on a row. */
  restingOn(table: ReportTable, row: number): HTMLElement[] {
    const { table: findings } = this
    if (findings === undefined) return []
    return (this.index().get(`${table.name} ${row}`) ?? []).map((finding) =>
      h(
        'button',
        {
          class: 'link finding-link',
          type: 'button',
          click: () => this.app.go({ view: 'findings', row: finding, scope: 'host' }),
        },
        badge(severityOf(findings, finding)),
        h('span', {}, findings.text(finding, 'summary')),
      ),
    )
  }

  private index(): Map<string, number[]> {
    this.read()
    if (this.byRow !== undefined) return this.byRow
    const byRow = new Map<string, number[]>()
    for (const [finding, keys] of this.evidence.entries()) {
      for (const { table: name, key } of keys) {
        const table = this.app.tables.get(name)
        for (const row of table === undefined ? [] : rowsNamed(table, key).slice(0, MOST_EVIDENCE)) {
          append(byRow, `${name} ${row}`, finding)
        }
      }
    }
    this.byRow = byRow
    return byRow
  }

  private read(): void {
    const { image } = this.app
    if (this.image === image) return
    this.image = image
    this.byRow = undefined
    this.marks = new Map()
    const { table } = this
    this.evidence = Array.from({ length: table?.length ?? 0 }, (_, row) =>
      table === undefined ? [] : evidenceOf(table, row),
    )
    for (let row = 0; table !== undefined && row < table.length; row++) {
      for (const node of this.nodesOf(table, row)) this.count(node, severityOf(table, row))
    }
  }

  /** The process or container of a finding, and all above it. */
  private nodesOf(table: ReportTable, row: number): TreeNode[] {
    const { image } = this.app
    const pid = table.number(row, 'pid')
    const container = table.string(row, 'container')
    const own =
      (pid === null ? undefined : image.process(pid)) ?? (container === null ? undefined : image.container(container))
    const nodes: TreeNode[] = [own ?? image.tree]
    for (let above = image.parents.get(nodes[0]?.id ?? ''); above; above = image.parents.get(above.id))
      nodes.push(above)
    // Findings of a process are not its ancestors': only what holds it has them, too.
    return nodes.filter((node) => node === nodes[0] || node.kind !== 'process')
  }

  private count(node: TreeNode, severity: Severity): void {
    const known = this.marks.get(node.id)
    if (known === undefined) this.marks.set(node.id, { severity, count: 1 })
    else {
      known.count++
      if (SEVERITIES.indexOf(severity) < SEVERITIES.indexOf(known.severity)) known.severity = severity
    }
  }
}

export function badge(severity: string): HTMLElement {
  return h('span', { class: `severity ${severity}` }, severity)
}

/** Of whom a finding speaks, as a link into the tree. */
function subject(app: App, table: ReportTable, row: number): HTMLElement {
  const pid = table.number(row, 'pid')
  const container = table.string(row, 'container')
  const process = pid === null ? undefined : app.image.process(pid)
  const holder = container === null ? undefined : app.image.container(container)
  const link = (node: TreeNode | undefined, text: string) =>
    node === undefined
      ? h('span', { class: 'mono' }, text)
      : h('button', { class: 'link mono', type: 'button', click: () => app.select(node.id) }, text)
  return h(
    'span',
    { class: 'subject' },
    pid === null ? null : link(process, `${table.text(row, 'comm')} ${pid}`),
    container === null
      ? pid === null
        ? h('span', { class: 'muted' }, 'host')
        : null
      : link(holder, table.text(row, 'container_name') || container.slice(0, 12)),
  )
}

/** The rows of a finding's evidence, table by table. */
export function evidenceBlock(app: App, keys: readonly EvidenceKey[]): HTMLElement {
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

export class FindingsView {
  readonly element = h('section', { class: 'view findings-view', aria: { label: 'Findings' } })
  private readonly hidden = new Set<Severity>()
  private readonly opened = new Set<number>()
  private filter = ''
  private most = MOST_FINDINGS
  private image: unknown

  constructor(
    private readonly app: App,
    private readonly findings: Findings,
  ) {}

  async show(): Promise<void> {
    const { app } = this
    if (this.image !== app.image) {
      this.image = app.image
      this.opened.clear()
    }
    await app.tables.loadAll(this.findings.evidenceTables())
    const { row } = app.place
    if (row !== null) this.opened.add(row)
    this.draw()
    if (row !== null) this.element.querySelector(`[data-finding="${row}"]`)?.scrollIntoView({ block: 'center' })
  }

  private draw(): void {
    const { app, findings } = this
    const { table } = findings
    if (table === undefined) {
      fill(
        this.element,
        h('div', { class: 'page' }, h('p', { class: 'muted' }, 'No rule was evaluated for this report.')),
        notEvaluated(app),
      )
      return
    }
    const { rows } = app.scoped(table)
    const words = this.filter.toLowerCase()
    const shownRows = rows.filter(
      (row) =>
        !this.hidden.has(severityOf(table, row)) &&
        (words === '' || table.mainColumns.some((name) => table.text(row, name).toLowerCase().includes(words))),
    )
    const list = h(
      'div',
      { class: 'finding-list' },
      shownRows.slice(0, this.most).map((row) => this.item(table, row)),
      shownRows.length > this.most ? this.more(shownRows.length - this.most) : null,
    )
    list.addEventListener('keydown', (event) => this.key(event, list))
    fill(
      this.element,
      h(
        'div',
        { class: 'page' },
        h(
          'div',
          { class: 'toolbar' },
          this.chips(table, rows),
          this.search(),
          h('span', { class: 'muted count' }, plural(shownRows.length, 'finding')),
        ),
        shownRows.length === 0 ? h('p', { class: 'muted' }, 'No finding here.') : list,
        notEvaluated(app),
      ),
    )
  }

  private more(left: number): HTMLElement {
    const click = (): void => {
      this.most += MOST_FINDINGS
      this.draw()
    }
    return h('button', { type: 'button', click }, `${plural(left, 'more finding')}`)
  }

  private search(): HTMLElement {
    return h('input', {
      class: 'filter',
      type: 'search',
      value: this.filter,
      placeholder: 'Filter findings',
      aria: { label: 'Filter findings' },
      input: (event) => {
        this.filter = (event.target as HTMLInputElement).value
        this.draw()
        const input = this.element.querySelector<HTMLInputElement>('.filter')
        input?.focus()
        input?.setSelectionRange(this.filter.length, this.filter.length)
      },
    })
  }

  private chips(table: ReportTable, rows: readonly number[]): HTMLElement {
    return h(
      'div',
      { class: 'chips', role: 'group', aria: { label: 'Severities' } },
      SEVERITIES.map((severity) => {
        const count = rows.filter((row) => severityOf(table, row) === severity).length
        return h(
          'button',
          {
            type: 'button',
            class: `chip ${severity}`,
            aria: { pressed: !this.hidden.has(severity) },
            click: () => {
              if (!this.hidden.delete(severity)) this.hidden.add(severity)
              this.draw()
            },
          },
          severity,
          h('span', { class: 'count' }, String(count)),
        )
      }),
    )
  }

  private item(table: ReportTable, row: number): HTMLElement {
    const isOpen = this.opened.has(row)
    const item = h('article', { class: 'finding', data: { finding: row } })
    const toggle = (): void => {
      if (!this.opened.delete(row)) this.opened.add(row)
      const next = this.item(table, row)
      item.replaceWith(next)
      next.querySelector<HTMLElement>('.finding-toggle')?.focus()
    }
    const time = this.findings.timeOf(row)
    put(
      item,
      h(
        'div',
        { class: 'finding-head' },
        h(
          'button',
          { class: 'finding-toggle', type: 'button', aria: { expanded: isOpen }, click: toggle },
          badge(severityOf(table, row)),
          h('span', { class: 'summary' }, table.text(row, 'summary')),
        ),
        h('span', { class: 'muted time' }, time === null ? '' : moment(time)),
        subject(this.app, table, row),
      ),
      isOpen ? findingBody(this.app, table, row, this.findings.evidenceOf(row)) : null,
    )
    return item
  }

  private key(event: KeyboardEvent, list: HTMLElement): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const target = event.target as HTMLElement
    if (step === undefined || !target.classList.contains('finding-toggle')) return
    const toggles = [...list.querySelectorAll<HTMLElement>('.finding-toggle')]
    const next = toggles[toggles.indexOf(target) + step]
    if (next === undefined) return
    event.preventDefault()
    next.focus()
  }
}

/** Rules that were not evaluated, or only partly, with the reason. */
export function notEvaluated(app: App): HTMLElement | null {
  const rules = app.tables.get('rules')
  if (rules === undefined) return null
  const rows = Array.from({ length: rules.length }, (_, row) => row).filter(
    (row) => rules.string(row, 'state') !== 'evaluated',
  )
  if (rows.length === 0) return null
  return h(
    'section',
    { class: 'card', id: 'not-evaluated' },
    h('h2', {}, 'Not evaluated', h('span', { class: 'count' }, `${rows.length} of ${rules.length} rules`)),
    h('p', { class: 'muted' }, 'Of these, finding nothing says nothing.'),
    h(
      'table',
      { class: 'wide' },
      h('thead', {}, h('tr', {}, h('th', {}, 'Rule'), h('th', {}, 'State'), h('th', {}, 'Why'))),
      h(
        'tbody',
        {},
        rows.map((row) =>
          h(
            'tr',
            {},
            h('td', {}, rules.text(row, 'title')),
            h('td', { class: 'nowrap' }, rules.text(row, 'state')),
            h('td', {}, rules.text(row, 'reason')),
          ),
        ),
      ),
    ),
  )
}
