/** `struct vc_data`: what stood on the text consoles (drivers/tty/vt/vt.c). */

import type { Kernel } from './kernel.js'
import { array, index, type Selects } from './query.js'
import { RingBytes } from './ring-bytes.js'

/** A console, as it would be shown. */
export interface ConsoleScreen {
  /** Of its `struct vc_data`. */
  address: bigint
  /** `tty1` for the first. */
  name: string
  /** Whether it was the one in the foreground. */
  foreground: boolean | null
  columns: number
  rows: number
  /** Lines without what is blank at their ends; null where memory cannot be read. */
  text: string | null
}

/** MAX_NR_CONSOLES (include/uapi/linux/vt.h). */
const CONSOLES = 63
/** Characters that are wider or higher than any console (VC_MAXCOL and VC_MAXROW). */
const MOST = 32767
/** Two bytes for each: a character and its colours. */
const CELL = 2
const MOST_BYTES = 1 << 20
/** From 128 on the characters of the font that computers of this kind began with (code page 437). */
const HIGH =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ '

const COLUMNS = {
  number: index(),
  data: 'd',
  columns: 'd->vc_cols',
  rows: 'd->vc_rows',
  // Where it is shown from: memory of the screen itself, or where it is kept.
  origin: 'd->vc_origin',
  buffer: 'd->vc_screenbuf',
} satisfies Selects

/** All consoles that there are, first to last. */
export function readConsoles(kernel: Kernel): ConsoleScreen[] {
  if (kernel.address('vc_cons') === null) return []
  const found = kernel
    .symbol('vc_cons', 'struct vc')
    .walk(array('', { count: CONSOLES }))
    .select(COLUMNS)
  const shown = foreground(kernel)
  return Array.from({ length: found.length }, (_, row): ConsoleScreen[] => {
    const [number, address] = [found.column('number').number(row), found.column('data').bigint(row) ?? 0n]
    const [columns, rows] = [found.column('columns').number(row), found.column('rows').number(row)]
    if (number === null || address === 0n || columns === null || rows === null) return []
    const places = (['origin', 'buffer'] as const).map((name) => found.column(name).bigint(row) ?? 0n)
    return [
      {
        address,
        name: `tty${number + 1}`,
        foreground: shown === null ? null : shown === number,
        columns,
        rows,
        text: textAt(kernel, places, columns, rows),
      },
    ]
  }).flat()
}

function foreground(kernel: Kernel): number | null {
  if (kernel.address('fg_console') === null) return null
  const shown = kernel.symbol('fg_console', 'int').select({ number: '' })
  return shown.column('number').number(0)
}

/** The first of some places that can be read. */
function textAt(kernel: Kernel, places: readonly bigint[], columns: number, rows: number): string | null {
  const length = columns * rows * CELL
  if (columns > MOST || rows > MOST || length > MOST_BYTES) return null
  // What the screen itself remembers is seldom part of an image.
  const quiet = kernel.unheard()
  for (const place of new Set(places.filter((place) => place !== 0n))) {
    const cells = new RingBytes(quiet, place, length).at(0, length)
    if (cells !== null) return screenText(cells, columns)
  }
  return null
}

/** Characters of cells, line by line. */
export function screenText(cells: Uint8Array, columns: number): string {
  const lines: string[] = []
  const stride = Math.max(1, columns) * CELL
  for (let start = 0; start < cells.length; start += stride) {
    const line = cells.subarray(start, start + stride).filter((_, at) => at % CELL === 0)
    lines.push(Array.from(line, character).join('').trimEnd())
  }
  return lines.join('\n').trimEnd()
}

function character(code: number): string {
  if (code < 32) return ' '
  return code < 128 ? String.fromCharCode(code) : (HIGH[code - 128] ?? ' ')
}
