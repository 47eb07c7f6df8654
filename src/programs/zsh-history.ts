/**
 * What zsh remembers: `struct histent` (Src/zsh.h), a ring that `hist_ring` leads to at its newest entry.
 *
 * An entry is {struct hashnode {next; char *nam; int flags}; up; down; char *zle_text; time_t stim, ftim; short *words; int
 * nwords; zlong histnum}: `up` is the older one, `down` the newer, and each has a number that is greater by one.
 */

import { isoTime } from '../iso-time.js'
import { type Program, variablePointers, within } from './memory.js'
import type { History, Remembered } from './readline-history.js'

const ENTRY = 88
const [LINE, UP, DOWN, STARTED, NUMBER] = [8, 24, 32, 48, 80]
const LONGEST = 1 << 20
const MOST_ENTRIES = 1 << 17
const MOST_TEXT = 64 << 20
const NANOSECONDS = 1_000_000_000n
/** A second of the year 5138: what is later is no time. */
const LATEST = 100_000_000_000n
/** What zsh puts before a byte that has a meaning for it, which is then changed by it (Src/zsh.h, `Meta`). */
const META = 0x83
const CHANGED = 32

interface Entry {
  readonly line: bigint
  readonly up: bigint
  readonly down: bigint
  readonly started: bigint
  readonly number: bigint
}

/** The history of a zsh; null where the program is none, or remembers nothing. */
export function readZshHistory(program: Program): History | null {
  if (!program.shell) return null
  for (const address of variablePointers(program)) {
    const ring = ringAt(program, address)
    if (ring !== null) return ring
  }
  return null
}

/** What is being typed is an entry too, and a variable. */
function entryAt({ memory, anonymous, variables }: Program, address: bigint): Entry | null {
  const words = within(anonymous, address) || within(variables, address) ? memory.readWhole(address, ENTRY) : null
  if (words === null) return null
  const word = (at: number) => words.getBigUint64(at, true)
  return { line: word(LINE), up: word(UP), down: word(DOWN), started: word(STARTED), number: word(NUMBER) }
}

/** All of a ring from its newest entry upwards; null where it is none. */
function ringAt(program: Program, newest: bigint): History | null {
  const entries: Entry[] = []
  let [at, below] = [newest, null as bigint | null]
  let [closed, left] = [false, MOST_TEXT]
  while (!closed && entries.length < MOST_ENTRIES && left > 0) {
    const entry = entryAt(program, at)
    const before = entries.at(-1)
    const fits =
      entry !== null &&
      (below === null || entry.down === below) &&
      (before === undefined || entry.number < before.number)
    if (entry === null || !fits) break
    entries.push(entry)
    left -= ENTRY
    below = at
    at = entry.up
    closed = at === newest
  }
  const oldest = entries.at(-1)
  if (!closed || oldest === undefined || below === null || entryAt(program, newest)?.down !== below) return null
  const remembered = entries.reverse().flatMap((entry) => commandOf(program, entry) ?? [])
  return remembered.length === 0 ? null : { entries: remembered, doubt: null, more: 0 }
}

/** What is being typed is no command yet, and empty. */
function commandOf({ memory }: Program, { line, started }: Entry): Remembered[] {
  const text = line === 0n ? null : memory.string(line, LONGEST)
  if (line === 0n || text?.length === 0) return []
  if (text === null) return [{ command: null, time: null }]
  const time = started > 0n && started < LATEST ? isoTime(started * NANOSECONDS) : null
  return [{ command: plain(text).toString(), time }]
}

function plain(text: Uint8Array): Buffer {
  const bytes: number[] = []
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] ?? 0
    if (byte !== META) bytes.push(byte)
    else bytes.push((text[++at] ?? 0) ^ CHANGED)
  }
  return Buffer.from(bytes)
}
