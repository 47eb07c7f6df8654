import stringWidth from 'fast-string-width'
import type { Column } from '../api/columns.js'

const GAP = 2
/** A text column is not cut shorter than this before whole columns are left out. */
const MIN_TEXT = 12
const ELLIPSIS = '…'
/** What stands for a value that could not be read or does not exist. */
export const NULL = '-'

const plain = /^[\x20-\x7e]*$/

/** Terminal columns a printable text takes. */
export function widthOf(text: string): number {
  return plain.test(text) ? text.length : stringWidth(text)
}

/** Cuts a text to a width, with an ellipsis where something is missing. */
export function shorten(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let cut = ''
  let used = 1
  for (const character of text) {
    used += widthOf(character)
    if (used > width) break
    cut += character
  }
  return `${cut}${ELLIPSIS}`
}

export function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)))
  return right ? `${space}${text}` : `${text}${space}`
}

export interface Layout {
  readonly shown: readonly { readonly index: number; readonly width: number }[]
  /** Names of the columns for which there is no room. */
  readonly hidden: readonly string[]
}

function isFlexible(column: Column): boolean {
  return column.type === 'text' || column.type === 'list' || column.type === 'record'
}

/** Chooses which columns a terminal shows and how wide; without a terminal's width all are shown whole. */
export function lay(columns: readonly [string, Column][], cells: readonly string[][], available?: number): Layout {
  const natural = columns.map(([name], index) =>
    cells.reduce((width, row) => Math.max(width, widthOf(row[index] ?? '')), name.length),
  )
  if (available === undefined) return { shown: natural.map((width, index) => ({ index, width })), hidden: [] }
  const least = columns.map(([, column], index) =>
    isFlexible(column) ? Math.min(natural[index] ?? 0, MIN_TEXT) : (natural[index] ?? 0),
  )
  const dispensable = columns.map(
    ([, column], index) => column.detail === true || cells.every((row) => row[index] === NULL),
  )
  const kept = keep(dispensable, least, available)
  const widths = spread(kept, natural, least, available)
  return {
    shown: kept.map((index, position) => ({ index, width: widths[position] ?? 0 })),
    hidden: columns.flatMap(([name], index) => (kept.includes(index) ? [] : [name])),
  }
}

/** Drops columns until the rest fits: details and those without any value first, each kind from the right. */
function keep(dispensable: readonly boolean[], least: readonly number[], available: number): number[] {
  const all = dispensable.map((_, index) => index)
  const details = all.filter((index) => dispensable[index])
  const dropping = [...all.filter((index) => !details.includes(index)), ...details]
  let kept = all
  const needed = () => kept.reduce((sum, index) => sum + (least[index] ?? 0) + GAP, -GAP)
  while (kept.length > 1 && needed() > available) {
    const dropped = dropping.pop()
    kept = kept.filter((index) => index !== dropped)
  }
  return kept
}

/** Gives the room that is left to the columns that were cut, the narrowest first. */
function spread(
  kept: readonly number[],
  natural: readonly number[],
  least: readonly number[],
  available: number,
): number[] {
  let room = available - kept.reduce((sum, index) => sum + (least[index] ?? 0) + GAP, -GAP)
  const widths = new Map(kept.map((index) => [index, least[index] ?? 0]))
  const wants = kept.map((index) => ({ index, more: (natural[index] ?? 0) - (least[index] ?? 0) }))
  const hungry = wants.filter(({ more }) => more > 0).sort((a, b) => a.more - b.more)
  for (const [position, { index, more }] of hungry.entries()) {
    const given = Math.max(0, Math.min(more, Math.floor(room / (hungry.length - position))))
    widths.set(index, (widths.get(index) ?? 0) + given)
    room -= given
  }
  return kept.map((index) => widths.get(index) ?? 0)
}
