import stringWidth from 'fast-string-width'
import type { Column } from '../api/columns.js'

const GAP = 2
/** A text column is not cut shorter than this before whole columns are left out; an id as it is shown fits in. */
const MIN_TEXT = 12
/** Where no terminal sets a width, a cell is cut here: a line of thousands of characters helps nobody. */
const MOST_TEXT = 100
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
  if (text.length <= width && widthOf(text) <= width) return text
  let cut = ''
  let used = 1
  for (const character of text) {
    used += widthOf(character)
    if (used > width) return `${cut}${ELLIPSIS}`
    cut += character
  }
  return text
}

export function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)))
  return right ? `${space}${text}` : `${text}${space}`
}

/** One column as it is shown: padded to `width`, cut at `most`. */
export interface Shown {
  readonly index: number
  readonly width: number
  readonly most: number
}

export interface Layout {
  readonly shown: readonly Shown[]
  /** Names of the columns for which there is no room. */
  readonly hidden: readonly string[]
}

/** What there is to lay out in. */
export interface Room {
  /** A terminal's width, if it is one. */
  readonly width?: number
  /** Every cell stays whole. */
  readonly wide: boolean
  /** Every column stays, for the user has named it. */
  readonly named: boolean
}

/** A number that is cut is another number, and a time without its end another time. */
function isFlexible(column: Column): boolean {
  return column.type === 'text' || column.type === 'list' || column.type === 'record'
}

/** The first thousands of rows may be in no container, and an id that comes after them is not to be cut. */
function floor({ meaning }: Column): number {
  return meaning === 'container' || meaning === 'container_name' ? MIN_TEXT : 0
}

/** Chooses which columns are shown and how wide, from the rows that are known; later ones are fitted in. */
export function lay(columns: readonly (readonly [string, Column])[], cells: readonly string[][], room: Room): Layout {
  const natural = columns.map(([name, column], index) =>
    cells.reduce((width, row) => Math.max(width, widthOf(row[index] ?? '')), Math.max(name.length, floor(column))),
  )
  if (room.wide || room.width === undefined) {
    const shown = columns.map(([, column], index) => {
      const most = isFlexible(column) && !room.wide ? MOST_TEXT : Number.POSITIVE_INFINITY
      return { index, width: Math.min(natural[index] ?? 0, most), most }
    })
    return { shown, hidden: [] }
  }
  const least = columns.map(([, column], index) =>
    isFlexible(column) ? Math.min(natural[index] ?? 0, MIN_TEXT) : (natural[index] ?? 0),
  )
  const importances = columns.map(([, column], index) => {
    return importance(
      column,
      cells.every((row) => row[index] === NULL),
    )
  })
  const kept = room.named ? [...columns.keys()] : keep(importances, least, room.width)
  const widths = spread(kept, natural, least, room.width)
  return {
    shown: kept.map((index, position) => {
      const width = widths[position] ?? 0
      return { index, width, most: isFlexible(columns[index]?.[1] as Column) ? width : Number.POSITIVE_INFINITY }
    }),
    hidden: columns.flatMap(([name], index) => (kept.includes(index) ? [] : [name])),
  }
}

/** What a row is about outlasts what is told of it; above all its container. */
function importance(column: Column, empty: boolean): number {
  if (column.meaning === 'container') return 3
  if (empty) return 0
  return ['pid', 'tid', 'container_name'].includes(column.meaning ?? '') ? 2 : 1
}

/** Drops columns until the rest fits: the least important first, among equals from the right. */
function keep(importances: readonly number[], least: readonly number[], available: number): number[] {
  const all = importances.map((_, index) => index)
  const dropping = [...all].sort((a, b) => (importances[a] ?? 0) - (importances[b] ?? 0) || b - a)
  let kept = all
  const needed = () => kept.reduce((sum, index) => sum + (least[index] ?? 0) + GAP, -GAP)
  while (kept.length > 1 && needed() > available) {
    const dropped = dropping.shift()
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
