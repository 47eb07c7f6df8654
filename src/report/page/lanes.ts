/** The lanes of a timeline, drawn. */

import { binRows, type Lane, type Span, ticksOf } from '../model/timeline.js'
import { shown } from './dom.js'

/** Height of a lane and of the axis above them, and width of their names, in pixels. */
export const LANE = 26
export const AXIS = 22
export const LABEL = 170

/** A finding in its lane. */
export interface Mark {
  readonly at: number
  readonly container: string | null
  readonly severity: string
  readonly finding: number
}

/** What is to be seen. */
export interface Picture {
  readonly span: Span
  readonly lanes: readonly Lane[]
  readonly marks: readonly Mark[]
  /** Of all rows of the timeline. */
  readonly times: Float64Array
  /** What is being selected, in pixels. */
  readonly drag: { readonly from: number; readonly to: number } | undefined
}

export function paintLanes(canvas: HTMLCanvasElement, picture: Picture): void {
  const { span, lanes, drag } = picture
  const { clientWidth: width, clientHeight: height } = canvas
  if (width < LABEL + 10) return
  const scale = devicePixelRatio
  canvas.width = width * scale
  canvas.height = height * scale
  const context = canvas.getContext('2d')
  if (context === null) return
  context.scale(scale, scale)
  const style = getComputedStyle(canvas)
  const colour = coloursOf(canvas, style)
  context.font = `11px ${style.fontFamily}`
  context.textBaseline = 'middle'
  paintAxis(context, span, width, height, colour)
  for (const [at, lane] of lanes.entries()) paintLane(context, lane, AXIS + at * LANE, picture, width, colour)
  if (drag !== undefined) {
    context.fillStyle = colour('select')
    context.globalAlpha = 0.3
    context.fillRect(drag.from, AXIS, drag.to - drag.from, height - AXIS)
    context.globalAlpha = 1
  }
  const events = lanes.reduce((sum, { rows }) => sum + rows.length, 0)
  canvas.setAttribute('aria-label', `${lanes.length} lanes with ${events} events; the table below has them`)
}

/** Colours of the style sheet as a canvas takes them: of the scheme that is in force. */
function coloursOf(canvas: HTMLCanvasElement, style: CSSStyleDeclaration): (name: string) => string {
  const known = new Map<string, string>()
  return (name) => {
    let colour = known.get(name)
    if (colour === undefined) {
      canvas.style.color = `var(--${name})`
      colour = style.color
      known.set(name, colour)
    }
    return colour
  }
}

function paintAxis(
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

function paintLane(
  context: CanvasRenderingContext2D,
  { container, label, rows }: Lane,
  top: number,
  { span, marks, times }: Picture,
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
  const bins = binRows(rows, times, span, parts)
  context.fillStyle = colour('bars')
  for (const [part, count] of bins.entries()) {
    if (count === 0) continue
    const tall = Math.min(LANE - 6, 4 + Math.log2(count) * 2.2)
    context.fillRect(LABEL + part * 2, top + (LANE - tall) / 2, 1.5, tall)
  }
  for (const mark of marks) {
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
