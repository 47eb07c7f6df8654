/** The timeline in lanes: one for the host, one for each container. */

import type { ReportTable } from './table.js'

export interface Lane {
  /** The container's id; null is the host. */
  readonly container: string | null
  /** Raw text of the image. */
  readonly label: string
  /** Rows of the timeline, in its order. */
  readonly rows: readonly number[]
}

/** Milliseconds since 1970. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** The times of the rows, in milliseconds since 1970; NaN where there is none. */
export function timesOf(table: ReportTable, column = 'time'): Float64Array {
  const values = table.column(column)
  return Float64Array.from({ length: table.length }, (_, row) => {
    const value = values[row]
    return typeof value === 'string' ? Date.parse(value) : Number.NaN
  })
}

/** The host first, then containers as they first appear. */
export function lanesOf(table: ReportTable, host: string): Lane[] {
  const lanes = new Map<string | null, { container: string | null; label: string; rows: number[] }>([
    [null, { container: null, label: host, rows: [] }],
  ])
  for (let row = 0; row < table.length; row++) {
    const container = table.string(row, 'container')
    let lane = lanes.get(container)
    if (lane === undefined) {
      lane = { container, label: table.string(row, 'container_name') ?? container?.slice(0, 12) ?? host, rows: [] }
      lanes.set(container, lane)
    }
    lane.rows.push(row)
  }
  return [...lanes.values()]
}

/** How many rows of a lane fall into each of so many equal parts of a span. */
export function binRows(rows: readonly number[], times: Float64Array, { from, to }: Span, parts: number): Uint32Array {
  const bins = new Uint32Array(parts)
  const width = to - from
  if (!(width > 0)) return bins
  for (const row of rows) {
    const at = Math.floor((((times[row] ?? Number.NaN) - from) / width) * parts)
    if (at >= 0 && at < parts) bins[at] = (bins[at] ?? 0) + 1
  }
  return bins
}

/** The span of all times; a second at least. Null where there is none. */
export function wholeSpan(times: Float64Array): Span | null {
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const time of times) {
    if (time < from) from = time
    if (time > to) to = time
  }
  return from > to ? null : { from, to: Math.max(to, from + 1000) }
}

const UNITS: readonly (readonly [milliseconds: number, digits: number])[] = [
  [1, 23],
  [10, 23],
  [100, 23],
  [1000, 19],
  [5000, 19],
  [15_000, 19],
  [60_000, 16],
  [300_000, 16],
  [900_000, 16],
  [3_600_000, 16],
  [21_600_000, 16],
  [86_400_000, 10],
  [604_800_000, 10],
  [2_592_000_000, 7],
  [7_776_000_000, 7],
  [31_536_000_000, 4],
  [157_680_000_000, 4],
]

const DAY = 86_400_000
/** Of an ISO 8601 time: its date. */
const DATE_DIGITS = 10

export interface Tick {
  readonly at: number
  readonly label: string
}

/** Round moments of a span, no more than so many, each as text of UTC that is as long as it has to be. */
export function ticksOf({ from, to }: Span, most: number): Tick[] {
  const unit = UNITS.find(([milliseconds]) => (to - from) / milliseconds <= most) ?? UNITS.at(-1)
  if (unit === undefined) return []
  const [step, digits] = unit
  const ticks: Tick[] = []
  for (let at = Math.ceil(from / step) * step; at <= to && ticks.length <= most; at += step) {
    const date = new Date(at)
    if (Number.isNaN(date.getTime())) break
    const text = date.toISOString()
    // The day stands where it begins, and hours between.
    const inDay = digits > DATE_DIGITS && at % DAY !== 0
    ticks.push({
      at,
      label: inDay ? text.slice(DATE_DIGITS + 1, digits) : text.slice(0, Math.min(digits, DATE_DIGITS)),
    })
  }
  return ticks
}
