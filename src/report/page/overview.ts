/** The first view: what was read, what was found, what is missing. */

import { FINDING_OF, type ImageHead } from '../model/document.js'
import type { ReportTable } from '../model/table.js'
import type { App } from './app.js'
import { fill, grouped, h, moment, plural, put, shown, sized, tableRow, wideTable } from './dom.js'
import { badge, type Findings, SEVERITIES } from './findings.js'
import { fleetCards, fleetTables } from './fleet.js'
import { notEvaluated } from './not-evaluated.js'
import { warningLine } from './tables-view.js'

/** Findings on the first view. */
const MOST_FINDINGS = 12
/** Warnings of a table on the first view. */
const MOST_WARNINGS = 200

function facts(pairs: readonly (readonly [string, HTMLElement | string | null])[]): HTMLElement {
  return h(
    'dl',
    { class: 'facts compact' },
    pairs.flatMap(([name, value]) => (value === null || value === '' ? [] : [h('dt', {}, name), h('dd', {}, value)])),
  )
}

function mono(text: string): HTMLElement {
  return h('span', { class: 'mono' }, text)
}

function hostFacts(info: ReportTable | undefined): HTMLElement | null {
  if (info === undefined || info.length === 0) return null
  const text = (name: string): string => info.text(0, name)
  const boot = info.string(0, 'boot_time')
  return facts([
    ['Host', mono(text('hostname'))],
    ['Kernel', mono(text('release'))],
    ['Architecture', mono(`${text('architecture')}, ${text('cpus')} processors`)],
    ['Booted', boot === null ? null : mono(`${moment(boot)} UTC`)],
    ['Symbols', mono(`${text('symbols')} from ${text('symbols_from')}, types from ${text('types_from')}`)],
    ['Build id', mono(text('build_id'))],
    ['Banner', mono(text('banner'))],
  ])
}

function imageFacts(
  { name, files }: ImageHead,
  info: ReportTable | undefined,
  version: string,
  made: string,
): HTMLElement {
  return facts([
    ['Image', mono(shown(name))],
    ...files.flatMap(({ path, bytes, sha256 }, at): [string, HTMLElement][] => [
      ...(files.length > 1 ? [[`Part ${at + 1}`, mono(shown(path))] as [string, HTMLElement]] : []),
      ['Size', mono(`${grouped(bytes)} bytes (${sized(bytes)})`)],
      ['SHA-256', sha256 === null ? h('span', { class: 'muted' }, 'not hashed') : mono(shown(sha256))],
    ]),
    ['Format', info === undefined ? null : mono(info.text(0, 'format'))],
    ['Report made', mono(`${moment(made)} UTC by salvor ${shown(version)}`)],
  ])
}

function severities(app: App, findings: Findings): HTMLElement {
  const counts = findings.countBySeverity()
  return h(
    'div',
    { class: 'tiles' },
    SEVERITIES.map((severity) =>
      h(
        'button',
        {
          type: 'button',
          class: `tile ${severity}${counts.has(severity) ? '' : ' none'}`,
          click: () => app.go({ view: 'findings', scope: 'host' }),
        },
        h('span', { class: 'number' }, String(counts.get(severity) ?? 0)),
        h('span', {}, severity),
      ),
    ),
  )
}

function worst(app: App, findings: Findings): HTMLElement | null {
  const { table } = findings
  if (table === undefined) return null
  const rows = table.first(MOST_FINDINGS)
  const more = table.length - rows.length
  return h(
    'ol',
    { class: 'worst' },
    rows.map((row) =>
      h(
        'li',
        {},
        h(
          'button',
          { class: 'line', type: 'button', click: () => app.go({ view: 'findings', row, scope: 'host' }) },
          badge(table.text(row, 'severity')),
          h('span', { class: 'summary' }, table.text(row, 'summary')),
          h('span', { class: 'muted' }, ofWhom(table, row)),
        ),
      ),
    ),
    more > 0
      ? h(
          'li',
          {},
          h(
            'button',
            { class: 'link', type: 'button', click: () => app.go({ view: 'findings', scope: 'host' }) },
            `${plural(more, 'more finding')}`,
          ),
        )
      : null,
  )
}

/** The container of a finding, and over a case the host. */
function ofWhom(table: ReportTable, row: number): string {
  const container = table.text(row, 'container_name') || (table.value(row, 'container') === null ? 'host' : '')
  return table.has(FINDING_OF) ? `${table.text(row, FINDING_OF)} · ${container}` : container
}

/** The containers in short. */
function containerCard(app: App, findings: Findings): HTMLElement | null {
  const table = app.tables.get('containers')
  if (table === undefined || table.length === 0) return null
  const columns = ['name', 'image', 'state', 'processes', 'started', 'pod_name', 'privileged'].filter(
    (name) => table.has(name) && table.rows.some((row) => table.text(row, name) !== ''),
  )
  const rows = table.rows.map((row) => {
    const node = app.image.container(table.string(row, 'id') ?? '')
    const mark = node === undefined ? undefined : findings.mark(node)
    const cells = columns.map((name) => {
      const text = name === 'started' ? moment(table.text(row, name)) : table.text(row, name)
      if (name !== 'name' || node === undefined) return h('td', { class: 'mono' }, text)
      return h(
        'td',
        { class: 'mono' },
        h(
          'button',
          { class: 'link', type: 'button', click: () => app.select(node.id) },
          text || table.text(row, 'id').slice(0, 12),
        ),
      )
    })
    return tableRow(
      [...cells, mark === undefined ? '' : h('span', { class: `mark ${mark.severity}` }, String(mark.count))],
      { class: table.string(row, 'state') === 'running' ? '' : 'ended' },
    )
  })
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'Containers', h('span', { class: 'count' }, grouped(table.length))),
    h('div', { class: 'scroll' }, wideTable([...columns.map((name) => name.replace('_', ' ')), 'findings'], rows)),
  )
}

/** What of the image and its tables is missing or doubtful. */
function warningCard(app: App): HTMLElement | null {
  const { image } = app.tables
  const entries = image.tables.filter(
    ({ warnings, failed, rows, total }) => warnings.length > 0 || failed !== null || rows < total,
  )
  if (entries.length === 0 && image.warnings.length === 0) return null
  const lines: { table: string; line: string; bad: boolean }[] = []
  // Tables inherit the warnings of those that they are made from: each is told once, where it belongs.
  const told = new Set<string>()
  for (const { name, warnings, failed, rows, total } of entries) {
    if (failed !== null) lines.push({ table: name, line: `It did not reach the end: ${shown(failed)}`, bad: true })
    if (rows < total) {
      lines.push({ table: name, line: `The report holds ${grouped(rows)} of ${grouped(total)} rows`, bad: true })
    }
    for (const warning of warnings) {
      const line = warningLine(warning)
      if (told.has(line)) continue
      told.add(line)
      lines.push({ table: warning.analyzer ?? name, line, bad: false })
    }
  }
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'Warnings', h('span', { class: 'count' }, grouped(lines.length + image.warnings.length))),
    image.warnings.length === 0
      ? null
      : h(
          'ul',
          { class: 'bad' },
          image.warnings.map((warning) => h('li', {}, warningLine(warning))),
        ),
    wideTable(
      [],
      lines.slice(0, MOST_WARNINGS).map(({ table, line, bad }) => {
        const click = (): void => app.go({ view: 'tables', table })
        return [
          h('td', { class: 'nowrap' }, h('button', { class: 'link mono', type: 'button', click }, shown(table))),
          h('td', { class: bad ? 'bad' : '' }, line),
        ]
      }),
    ),
    lines.length > MOST_WARNINGS
      ? h('p', { class: 'muted' }, `and ${grouped(lines.length - MOST_WARNINGS)} more`)
      : null,
  )
}

export class OverviewView {
  readonly element = h('section', { class: 'view overview-view', aria: { label: 'Overview' } })

  constructor(
    private readonly app: App,
    private readonly findings: Findings,
  ) {}

  async show(): Promise<void> {
    await this.load()
    fill(this.element, h('div', { class: 'page' }, this.cards()))
  }

  /** What the cards are made of, beyond what each image begins with. */
  async load(): Promise<void> {
    if (this.app.tables.image.fleet === true) await this.app.tables.loadAll(fleetTables(this.app))
  }

  /** The same cards go on paper. */
  cards(): HTMLElement[] {
    const { app, findings } = this
    const info = app.tables.get('info')
    const { version, made } = app.head
    const torn = info !== undefined && info.value(0, 'torn') === true
    const evidence = h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Evidence'),
      imageFacts(app.tables.image, info, version, made),
    )
    const host = h('section', { class: 'card' }, h('h2', {}, 'Host'), hostFacts(info))
    if (torn) {
      put(
        host,
        h(
          'p',
          { class: 'hint' },
          'The image is torn, as memory of a host that went on is: what no two sides bear out is left out or empty.',
        ),
      )
    }
    const found = h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Findings'),
      findings.table === undefined
        ? h('p', { class: 'muted' }, 'No rule was evaluated for this report.')
        : severities(app, findings),
      worst(app, findings),
    )
    if (app.tables.image.fleet === true)
      return [found, ...fleetCards(app), warningCard(app)].flatMap((card) => card ?? [])
    return [
      found,
      h('div', { class: 'two' }, host, evidence),
      containerCard(app, findings),
      notEvaluated(app),
      warningCard(app),
    ].flatMap((card) => card ?? [])
  }
}
