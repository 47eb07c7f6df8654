/** What happened when, in lanes: the host and each container. */

import type { ReportTable } from '../model/table.js'
import { type Lane, lanesOf, type Span, timesOf, wholeSpan } from '../model/timeline.js'
import type { App } from './app.js'
import { fill, grouped, h, moment, shown } from './dom.js'
import type { Findings } from './findings.js'
import { Grid, type GridState } from './grid.js'
import { AXIS, LABEL, LANE, type Mark, paintLanes } from './lanes.js'

/** Containers beyond these are too many to see in lanes; the table has them all. */
const MOST_LANES = 60
const SHORTEST_SPAN = 10

const RANGES = [
  ['all', 'All'],
  ['boot', 'Since boot'],
  ['3600000', 'Last hour'],
  ['600000', 'Last 10 min'],
] as const

export class TimelineView {
  readonly element = h('section', { class: 'view timeline-view', aria: { label: 'Timeline' } })
  private readonly canvas = h('canvas', {
    class: 'lanes',
    tabindex: 0,
    role: 'img',
    keydown: (event) => this.key(event),
  })
  private readonly rowsPlace = h('div', { class: 'timeline-rows' })
  private readonly status = h('span', { class: 'muted count', role: 'status' })
  private image: unknown
  private table: ReportTable | undefined
  private times: Float64Array = new Float64Array()
  private whole: Span | null = null
  private boot: number | null = null
  private span: Span | null = null
  private lanes: readonly Lane[] = []
  private marks: readonly Mark[] = []
  private readonly hidden = new Set<string>()
  private grid: GridState | undefined
  private drag: { from: number; to: number } | undefined
  private later: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly app: App,
    private readonly findings: Findings,
  ) {
    this.canvas.addEventListener('pointerdown', (event) => this.press(event))
    this.canvas.addEventListener('pointermove', (event) => this.dragTo(event))
    this.canvas.addEventListener('pointerup', () => this.release())
    new ResizeObserver(() => this.paint()).observe(this.canvas)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.paint())
    addEventListener('themechange', () => this.paint())
  }

  async show(): Promise<void> {
    const { app } = this
    await app.tables.loadAll(['timeline', ...this.findings.evidenceTables()])
    if (this.image !== app.image) this.read()
    if (this.table === undefined || this.whole === null) {
      fill(this.element, h('div', { class: 'page' }, h('p', { class: 'muted' }, 'The report has no timeline.')))
      return
    }
    this.draw()
  }

  private read(): void {
    const { app } = this
    this.image = app.image
    this.table = app.tables.get('timeline')
    if (this.table === undefined) return
    this.times = timesOf(this.table)
    this.whole = wholeSpan(this.times)
    const boot = app.tables.get('info')?.string(0, 'boot_time') ?? null
    this.boot = boot === null ? null : Date.parse(boot)
    this.grid = { columns: this.table.mainColumns, sort: null, filter: '' }
    this.marks = this.readMarks()
    this.range('boot')
  }

  private readMarks(): Mark[] {
    const { table } = this.findings
    const marks: Mark[] = []
    for (let row = 0; table !== undefined && row < table.length; row++) {
      const time = this.findings.timeOf(row)
      if (time === null) continue
      const severity = table.string(row, 'severity') ?? 'info'
      marks.push({ at: Date.parse(time), container: table.string(row, 'container'), severity, finding: row })
    }
    // The worst are drawn last, above the others: findings come with the worst first.
    return marks.reverse()
  }

  private range(name: string): void {
    const { whole, boot } = this
    if (whole === null) return
    if (name === 'all') this.span = whole
    else if (name === 'boot') this.span = boot !== null && boot < whole.to ? { from: boot, to: whole.to } : whole
    else this.span = { from: Math.max(whole.from, whole.to - Number(name)), to: whole.to }
  }

  private draw(): void {
    const { app, table } = this
    if (table === undefined) return
    const { rows, told } = app.scoped(table)
    const chosen = rows.filter((row) => !this.hidden.has(table.string(row, 'event') ?? ''))
    const all = lanesOf(table, app.image.tree.label)
    const inScope = new Set(chosen)
    this.lanes = all
      .map((lane) => ({ ...lane, rows: lane.rows.filter((row) => inScope.has(row)) }))
      .filter(({ rows: own, container }) => own.length > 0 || (container === null && app.scope.kind === 'host'))
      .slice(0, MOST_LANES)
    const buttons = RANGES.map(([name, label]) =>
      h('button', { type: 'button', click: () => this.change(() => this.range(name)) }, label),
    )
    const zoom = [
      h(
        'button',
        { type: 'button', title: 'Zoom in (+)', aria: { label: 'Zoom in' }, click: () => this.zoom(0.5) },
        '+',
      ),
      h(
        'button',
        { type: 'button', title: 'Zoom out (-)', aria: { label: 'Zoom out' }, click: () => this.zoom(2) },
        '−',
      ),
    ]
    fill(
      this.element,
      h(
        'div',
        { class: 'toolbar' },
        h('div', { class: 'buttons' }, buttons),
        h('div', { class: 'buttons' }, zoom),
        this.events(table, rows),
        this.status,
      ),
      told ? null : h('p', { class: 'hint' }, 'The timeline cannot tell what concerns this: all is shown.'),
      h('div', { class: 'lanes-place' }, this.canvas),
      this.rowsPlace,
    )
    this.canvas.style.height = `${AXIS + this.lanes.length * LANE + 4}px`
    this.paint()
    this.list(chosen)
  }

  /** Which kinds of events are shown. */
  private events(table: ReportTable, rows: readonly number[]): HTMLElement {
    const counts = new Map<string, number>()
    for (const row of rows) {
      const event = table.string(row, 'event') ?? ''
      counts.set(event, (counts.get(event) ?? 0) + 1)
    }
    const boxes = [...counts].map(([event, count]) =>
      h(
        'label',
        {},
        h('input', {
          type: 'checkbox',
          checked: !this.hidden.has(event),
          change: () => {
            if (!this.hidden.delete(event)) this.hidden.add(event)
            this.draw()
          },
        }),
        h('span', { class: 'name' }, shown(event)),
        h('span', { class: 'about' }, grouped(count)),
      ),
    )
    const open = this.element.querySelector<HTMLDetailsElement>('.columns')?.open === true
    return h('details', { class: 'columns', open }, h('summary', {}, 'Events'), h('div', { class: 'popover' }, boxes))
  }

  private list(chosen: readonly number[]): void {
    const { app, table, times, span, grid: state } = this
    if (table === undefined || span === null || state === undefined) return
    const rows = chosen.filter((row) => {
      const time = times[row] ?? Number.NaN
      return time >= span.from && time <= span.to
    })
    const { from, to } = span
    const iso = (time: number) => moment(new Date(time).toISOString())
    fill(this.status, `${grouped(rows.length)} of ${grouped(table.length)} events · ${iso(from)} – ${iso(to)} UTC`)
    const grid = new Grid(app, table, {
      state,
      rows,
      selected: null,
      open: (row) => app.go({ view: 'tables', table: 'timeline', row }),
    })
    fill(this.rowsPlace, grid.element)
  }

  private change(step: () => void): void {
    step()
    this.paint()
    clearTimeout(this.later)
    this.later = setTimeout(() => this.draw(), 150)
  }

  private zoom(factor: number, around = 0.5): void {
    this.change(() => {
      if (this.span === null) return
      const { from, to } = this.span
      const width = Math.max(SHORTEST_SPAN, (to - from) * factor)
      const center = from + (to - from) * around
      this.span = { from: center - width * around, to: center + width * (1 - around) }
    })
  }

  private pan(part: number): void {
    this.change(() => {
      if (this.span === null) return
      const step = (this.span.to - this.span.from) * part
      this.span = { from: this.span.from + step, to: this.span.to + step }
    })
  }

  private key(event: KeyboardEvent): void {
    const actions: Record<string, () => void> = {
      '+': () => this.zoom(0.5),
      '=': () => this.zoom(0.5),
      '-': () => this.zoom(2),
      ArrowLeft: () => this.pan(-0.2),
      ArrowRight: () => this.pan(0.2),
      '0': () => this.change(() => this.range('boot')),
      Home: () => this.change(() => this.range('all')),
    }
    const action = actions[event.key]
    if (action === undefined || event.ctrlKey || event.altKey || event.metaKey) return
    event.preventDefault()
    event.stopPropagation()
    action()
  }

  private timeAt(x: number): number {
    const { from = 0, to = 1 } = this.span ?? {}
    const width = this.canvas.clientWidth - LABEL
    return from + ((x - LABEL) / width) * (to - from)
  }

  private press(event: PointerEvent): void {
    if (event.offsetX < LABEL) {
      const lane = this.lanes[Math.floor((event.offsetY - AXIS) / LANE)]
      const node = lane?.container === null ? this.app.image.tree : this.app.image.container(lane?.container ?? '')
      if (lane !== undefined && node !== undefined) this.app.select(node.id)
      return
    }
    this.canvas.setPointerCapture(event.pointerId)
    this.drag = { from: event.offsetX, to: event.offsetX }
  }

  private dragTo(event: PointerEvent): void {
    if (this.drag === undefined) {
      this.hint(event)
      return
    }
    this.drag.to = Math.max(LABEL, event.offsetX)
    this.paint()
  }

  /** What is under the pointer. */
  private hint(event: PointerEvent): void {
    const lane = this.lanes[Math.floor((event.offsetY - AXIS) / LANE)]
    const width = this.canvas.clientWidth - LABEL
    const { from, to } = this.span ?? { from: 0, to: 1 }
    const near = this.marks.findLast(
      ({ at, container }) =>
        container === lane?.container && Math.abs(LABEL + ((at - from) / (to - from)) * width - event.offsetX) < 5,
    )
    const { table } = this.findings
    this.canvas.title =
      near === undefined || table === undefined
        ? lane === undefined
          ? ''
          : shown(lane.label)
        : `${near.severity}: ${table.text(near.finding, 'summary')}`
  }

  private release(): void {
    const { drag } = this
    this.drag = undefined
    if (drag === undefined) return
    const [left, right] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)]
    if (right - left < 4) {
      this.paint()
      return
    }
    this.change(() => {
      this.span = { from: this.timeAt(left), to: Math.max(this.timeAt(right), this.timeAt(left) + SHORTEST_SPAN) }
    })
  }

  private paint(): void {
    if (this.span === null) return
    const { canvas, span, lanes, marks, times, drag } = this
    paintLanes(canvas, { span, lanes, marks, times, drag })
  }
}
