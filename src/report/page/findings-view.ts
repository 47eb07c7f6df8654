/** Findings, each with the rows that it rests on. */

import { FINDING_OF } from '../model/document.js'
import type { ReportTable } from '../model/table.js'
import type { TreeNode } from '../model/tree.js'
import type { App } from './app.js'
import { fill, h, moment, plural, put } from './dom.js'
import { findingBody } from './finding-body.js'
import { badge, type Findings, SEVERITIES, type Severity, severityOf } from './findings.js'
import { notEvaluated } from './not-evaluated.js'

/** Findings that are in the page at once; a button brings as many more. */
const MOST_FINDINGS = 500

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
    table.has(FINDING_OF) ? h('span', { class: 'mono' }, table.text(row, FINDING_OF)) : null,
    pid === null ? null : link(process, `${table.text(row, 'comm')} ${pid}`),
    container === null
      ? pid === null
        ? h('span', { class: 'muted' }, 'host')
        : null
      : link(holder, table.text(row, 'container_name') || container.slice(0, 12)),
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
