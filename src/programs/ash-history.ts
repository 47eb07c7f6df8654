/**
 * What busybox's shells remember: `line_input_t` (include/libbb.h), which a variable leads to.
 *
 * It begins with {int flags; int timeout; const char *path_lookup}, and a shell never has a timeout. Then come up to two
 * pointers that newer ones have, {int cnt_history; int cur_history; int max_history}, where it can save its history an int
 * and a pointer to a name more, and the pointers to the lines.
 */

import { type Program, variablePointers, within } from './memory.js'
import type { History } from './readline-history.js'

/** CONFIG_FEATURE_EDITING_HISTORY is 9999 at most. */
const MOST_LINES = 9999
/** CONFIG_FEATURE_EDITING_MAX_LEN is 8192 at most. */
const LONGEST = 8192
const NO_TIMEOUT = -1
/** Every flag that there is, of those that a shell has DO_HISTORY. */
const FLAGS = 0xff
const DO_HISTORY = 1
/** Where the counts may be, and how far behind these the lines: without and with what is for saving. */
const COUNTS = [16, 24, 32]
const LINES = [16, 24]
const HEAD = 64

/** The history of an ash or hush; null where the program is none, or remembers nothing. */
export function readAshHistory(program: Program): History | null {
  if (!program.shell) return null
  for (const address of variablePointers(program)) {
    const lines = linesAt(program, address)
    if (lines !== null) {
      return { entries: lines.map((command) => ({ command, time: null })), doubt: null, more: 0 }
    }
  }
  return null
}

function linesAt({ memory, anonymous }: Program, address: bigint): string[] | null {
  const head = memory.readWhole(address, HEAD)
  if (head === null) return null
  const flags = head.getInt32(0, true)
  if ((flags & DO_HISTORY) === 0 || (flags & ~FLAGS) !== 0 || head.getInt32(4, true) !== NO_TIMEOUT) return null
  for (const at of COUNTS) {
    const [count, current, most] = [head.getInt32(at, true), head.getInt32(at + 4, true), head.getInt32(at + 8, true)]
    if (count < 1 || count > most || most > MOST_LINES || current < 0 || current > count) continue
    for (const behind of LINES) {
      const pointers = memory.readWhole(address + BigInt(at + behind), count * 8)
      if (pointers === null) continue
      const lines = Array.from({ length: count }, (_, index) => {
        const pointer = pointers.getBigUint64(index * 8, true)
        return within(anonymous, pointer) ? memory.text(pointer, LONGEST) : null
      })
      if (lines.every((line) => line !== null && line !== '')) return lines as string[]
    }
  }
  return null
}
