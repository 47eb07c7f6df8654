/** The only place where the page makes elements: text goes in as text, and never as HTML. */

import { printable, printableJson } from '../../output/escape.js'

type Child = Node | string | null | undefined

interface Props {
  readonly class?: string
  readonly title?: string
  readonly role?: string
  readonly id?: string
  readonly type?: string
  readonly placeholder?: string
  readonly tabindex?: number
  readonly disabled?: boolean
  readonly checked?: boolean
  readonly value?: string
  readonly open?: boolean
  readonly selected?: boolean
  readonly href?: string
  readonly aria?: Readonly<Record<string, string | number | boolean>>
  readonly data?: Readonly<Record<string, string | number>>
  readonly click?: (event: MouseEvent) => void
  readonly input?: (event: Event) => void
  readonly change?: (event: Event) => void
  readonly keydown?: (event: KeyboardEvent) => void
}

/**
 * The last line of defence: whoever has text of the image makes it `shown` and so unmistakable, and what was forgotten
 * can at least not reorder or hide what is beside it.
 */
function harmless(text: string): string {
  return text.split('\n').map(printableJson).join('\n')
}

/** An element. Texts become text nodes. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly (Child | readonly Child[])[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  const { aria = {}, data = {}, click, input, change, keydown, class: names, ...plain } = props
  if (names !== undefined) element.className = names
  for (const [name, value] of Object.entries(plain)) {
    if (value === false || value === undefined) continue
    element.setAttribute(name, value === true ? '' : harmless(String(value)))
  }
  for (const [name, value] of Object.entries(aria)) element.setAttribute(`aria-${name}`, harmless(String(value)))
  for (const [name, value] of Object.entries(data)) element.dataset[name] = String(value)
  if (click) element.addEventListener('click', click as EventListener)
  if (input) element.addEventListener('input', input)
  if (change) element.addEventListener('change', change)
  if (keydown) element.addEventListener('keydown', keydown as EventListener)
  put(element, ...children)
  return element
}

const SVG = 'http://www.w3.org/2000/svg'

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, harmless(String(value)))
  put(element, ...children)
  return element
}

/** Appends what is there. */
export function put(parent: Element, ...children: readonly (Child | readonly Child[])[]): void {
  for (const child of children.flat() as Child[]) {
    if (child !== null && child !== undefined) parent.append(typeof child === 'string' ? harmless(child) : child)
  }
}

/** Replaces all that is in an element. */
export function fill(parent: Element, ...children: readonly (Child | readonly Child[])[]): void {
  parent.replaceChildren()
  put(parent, ...children)
}

/** A cell of a table: its content, or the cell itself where it has a class. */
export type Cell = string | HTMLElement

/** A row of cells, or the row itself where it has a class. */
type Row = readonly Cell[] | HTMLTableRowElement

function inCell(cell: Cell): HTMLElement {
  return cell instanceof HTMLTableCellElement ? cell : h('td', {}, cell)
}

export function tableRow(cells: readonly Cell[], props: Props = {}): HTMLTableRowElement {
  return h('tr', props, cells.map(inCell))
}

/** A small table, all of which is there; one without names of columns has no head. */
export function wideTable(names: readonly string[], rows: readonly Row[]): HTMLTableElement {
  return h(
    'table',
    { class: 'wide' },
    names.length === 0
      ? null
      : h(
          'thead',
          {},
          h(
            'tr',
            {},
            names.map((name) => h('th', {}, name)),
          ),
        ),
    h(
      'tbody',
      {},
      rows.map((row) => (row instanceof HTMLTableRowElement ? row : tableRow(row))),
    ),
  )
}

/** Text of the image as it is shown; what could move, hide or reorder is escaped. */
export const shown = printable

/** Longer texts are cut in a cell; the panel of the row has them whole. */
const MOST_CHARACTERS = 400

/** Shown text, cut where it is too long for a cell. */
export function clipped(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text
}

/** A number with its thousands apart. */
export function grouped(value: number): string {
  return value.toLocaleString('en').replaceAll(',', '\u202f')
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** Bytes as people say them. */
export function sized(bytes: number): string {
  let [value, unit] = [bytes, 0]
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${UNITS[unit]}`
}

/** A time as people read it: to the second, in UTC. */
export function moment(iso: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)/.exec(iso)
  return match === null ? shown(iso) : `${match[1]} ${match[2]}`
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`
}
