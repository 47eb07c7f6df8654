/** What happened when, in lanes: the host and each container. */

import type { ReportTable } from '../model/table.js'
import { binRows, type Lane, lanesOf, type Span, ticksOf, timesOf, wholeSpan } from '../model/timeline.js'
import type { App } from './app.js'
import { fill, grouped, h, moment, shown } from './dom.js'
import type { Findings } from './findings.js'
import { Grid, type GridState } from './grid.js'

const LANE = 26
const AXIS = 22
const LABEL = 170
/** Containers beyond these are too many to see in lanes; the table has them all. */
const MOST_LANES = 60
const SHORTEST_SPAN = 10

interface Mark {
  readonly at: number
  readonly container: string | null
  readonly severity: string
  readonly finding: number
}

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
    const { canvas, span } = this
    const { clientWidth: width, clientHeight: height } = canvas
    if (span === null || width < LABEL + 10) return
    const scale = devicePixelRatio
    canvas.width = width * scale
    canvas.height = height * scale
    const context = canvas.getContext('2d')
    if (context === null) return
    context.scale(scale, scale)
    const style = getComputedStyle(canvas)
    const colour = this.colours(style)
    context.font = `11px ${style.fontFamily}`
    context.textBaseline = 'middle'
    this.paintAxis(context, span, width, height, colour)
    for (const [at, lane] of this.lanes.entries()) this.paintLane(context, lane, AXIS + at * LANE, span, width, colour)
    if (this.drag !== undefined) {
      context.fillStyle = colour('select')
      context.globalAlpha = 0.3
      context.fillRect(this.drag.from, AXIS, this.drag.to - this.drag.from, height - AXIS)
      context.globalAlpha = 1
    }
    const events = this.lanes.reduce((sum, { rows }) => sum + rows.length, 0)
    canvas.setAttribute('aria-label', `${this.lanes.length} lanes with ${events} events; the table below has them`)
  }

  /** Colours of the style sheet as a canvas takes them: of the scheme that is in force. */
  private colours(style: CSSStyleDeclaration): (name: string) => string {
    const known = new Map<string, string>()
    return (name) => {
      let colour = known.get(name)
      if (colour === undefined) {
        this.canvas.style.color = `var(--${name})`
        colour = style.color
        known.set(name, colour)
      }
      return colour
    }
  }

  private paintAxis(
    context: CanvasRenderingContext2D,
    span: Span,
    width: number,
    height: number,
    colour: (name: string) => string,
  ): void {
    for (const { at, label } of ticksOf(span, Math.floor((width - LABEL) / 90))) {
      const x = LABEL + ((at - span.from) / (span.to - span.from)) * (width - LABEL)
      context.fillStyle = colour('line')
      context.fillRect(Math.round(x), AXIS - 4, 1, height - AXIS)
      context.fillStyle = colour('muted')
      context.fillText(label, Math.min(x + 4, width - 60), AXIS / 2)
    }
  }

  private paintLane(
    context: CanvasRenderingContext2D,
    { container, label, rows }: Lane,
    top: number,
    span: Span,
    width: number,
    colour: (name: string) => string,
  ): void {
    const room = width - LABEL
    context.fillStyle = colour('line')
    context.fillRect(0, top + LANE - 1, width, 1)
    context.fillStyle = colour(container === null ? 'muted' : 'text')
    const text = shown(label)
    context.fillText(text.length > 24 ? `${text.slice(0, 23)}…` : text, 8, top + LANE / 2, LABEL - 16)
    const parts = Math.max(1, Math.floor(room / 2))
    const bins = binRows(rows, this.times, span, parts)
    context.fillStyle = colour('bars')
    for (const [part, count] of bins.entries()) {
      if (count === 0) continue
      const tall = Math.min(LANE - 6, 4 + Math.log2(count) * 2.2)
      context.fillRect(LABEL + part * 2, top + (LANE - tall) / 2, 1.5, tall)
    }
    for (const mark of this.marks) {
      if (mark.container !== container || mark.at < span.from || mark.at > span.to) continue
      const x = LABEL + ((mark.at - span.from) / (span.to - span.from)) * room
      context.fillStyle = colour(mark.severity)
      context.beginPath()
      context.arc(x, top + LANE / 2, 4, 0, Math.PI * 2)
      context.fill()
      context.strokeStyle = colour('surface')
      context.lineWidth = 1
      context.stroke()
    }
  }
}
