/**
 * What GNU readline remembers, of which bash has its own copy: commands, and when they were typed.
 *
 * `struct _hist_entry` has been {char *line; char *timestamp; void *data} since readline 5.0 (lib/readline/history.h), and
 * a time the text `#seconds`. The variable `the_history` leads to an array of pointers to entries that ends with NULL;
 * from readline 8.3 on to a place within one, before which lie pointers to what is no longer remembered.
 */

import { isoTime } from '../iso-time.js'
import { type Memory, type Program, within } from './memory.js'

/** The first characters of a time. */
const STARTS = Array.from({ length: 9 }, (_, digit) => `#${digit + 1}`)
/** A time after 1973: what is shorter may be a colour, or a number in any other text. */
const TIME = /^#([1-9][0-9]{8,11})$/
const LONGEST_TIME = 14
const NANOSECONDS = 1_000_000_000n
/** Of one command. */
const LONGEST_LINE = 1 << 20
/** Of one program: times and pointers to entries that are looked at, commands that it gives, and characters of them. */
const MOST_TIMES = 1 << 18
const MOST_ENTRIES = 1 << 17
const MOST_SLOTS = 1 << 20
const MOST_TEXT = 64 << 20
/** Words of an array that are read at a time. */
const WORDS = 256
const WORD = 8
/** Of an entry up to its time. */
const ENTRY = 16

/** A command that a program remembers. */
export interface Remembered {
  /** Null where it is not in memory. */
  readonly command: string | null
  readonly time: string | null
}

/** What a program remembers, oldest first. */
export interface History {
  readonly entries: readonly Remembered[]
  /** Why these may not be all, or not in order; null where nothing is wrong. */
  readonly doubt: string | null
  /** How many more there are, which were left out. */
  readonly more: number
}

/** An entry, as it lies there. */
interface Entry {
  readonly line: bigint
  readonly seconds: bigint | null
}

interface List {
  readonly entries: readonly Entry[]
  readonly doubt: string | null
}

/** The history of a program; null where it has none. */
export function readHistory(program: Program): History | null {
  const known = entriesOf(program)
  if (known.size === 0) return null
  const list = longest(listsOf(program, known)) ?? scattered(program, known)
  return list === null ? null : history(program.memory, list)
}

/** Entries by their addresses: what has a pointer to a time behind one to some text. */
function entriesOf({ memory, searched, anonymous }: Program): Map<bigint, Entry> {
  const times = new Map<bigint, bigint>()
  for (const { address } of memory.find(STARTS, { ranges: searched })) {
    const seconds = secondsAt(memory, address)
    if (seconds !== null) times.set(address, seconds)
    if (times.size >= MOST_TIMES) break
  }
  const entries = new Map<bigint, Entry>()
  const found = memory.findWords([...times.keys()], { ranges: anonymous })
  for (const { address } of found) {
    const at = address - BigInt(WORD)
    const entry = entryAt(memory, at)
    if (entry !== null && entry.seconds !== null && within(anonymous, entry.line)) entries.set(at, entry)
    if (entries.size >= MOST_ENTRIES) break
  }
  return entries
}

function secondsAt(memory: Memory, address: bigint): bigint | null {
  const digits = TIME.exec(memory.text(address, LONGEST_TIME) ?? '')?.[1]
  return digits === undefined ? null : BigInt(digits)
}

function entryAt(memory: Memory, address: bigint): Entry | null {
  const words = memory.readWhole(address, ENTRY)
  if (words === null) return null
  return { line: words.getBigUint64(0, true), seconds: secondsAt(memory, words.getBigUint64(WORD, true)) }
}

/** Lists that a variable leads to. Of several places in one array the last is where the list begins. */
function listsOf(program: Program, known: ReadonlyMap<bigint, Entry>): List[] {
  const { memory, anonymous, variables } = program
  const slots: bigint[] = []
  for (const { address } of memory.findWords([...known.keys()], { ranges: anonymous })) {
    slots.push(address)
    if (slots.length >= MOST_SLOTS) break
  }
  const roots = new Set(Array.from(memory.findWords(slots, { ranges: variables }), ({ which }) => slots[which]))
  const sorted = [...new Set(slots)].sort((left, right) => (left < right ? -1 : 1))
  const starts: bigint[] = []
  let [start, before] = [null as bigint | null, null as bigint | null]
  for (const slot of sorted) {
    if (start !== null && before !== null && slot !== before + BigInt(WORD)) {
      starts.push(start)
      start = null
    }
    if (roots.has(slot)) start = slot
    before = slot
  }
  if (start !== null) starts.push(start)
  return starts.map((from) => listAt(program, from, known))
}

/** The list from a place in an array on, to its NULL. */
function listAt({ memory, anonymous }: Program, start: bigint, known: ReadonlyMap<bigint, Entry>): List {
  const entries: Entry[] = []
  while (entries.length <= MOST_ENTRIES) {
    const address = start + BigInt(entries.length * WORD)
    const words = memory.readWhole(address, WORD * WORDS) ?? memory.readWhole(address, WORD)
    if (words === null) return { entries, doubt: 'the rest of it is not in memory' }
    for (let at = 0; at < words.byteLength; at += WORD) {
      const pointer = words.getBigUint64(at, true)
      if (pointer === 0n) return { entries, doubt: null }
      const entry = known.get(pointer) ?? (within(anonymous, pointer) ? entryAt(memory, pointer) : null)
      if (entry === null) return { entries, doubt: 'the list is broken off' }
      entries.push(entry)
    }
  }
  return { entries, doubt: null }
}

function longest(lists: readonly List[]): List | null {
  return lists.reduce<List | null>(
    (best, list) => (list.entries.length > (best?.entries.length ?? 0) ? list : best),
    null,
  )
}

/** What of a list is there without it. In a program that is no shell, two pointers alone are no entry. */
function scattered({ shell }: Program, known: ReadonlyMap<bigint, Entry>): List | null {
  if (!shell) return null
  const entries = [...known.values()].sort((left, right) => Number((left.seconds ?? 0n) - (right.seconds ?? 0n)))
  return { entries, doubt: 'the list is not there: what is in its memory is in the order of its times' }
}

function history(memory: Memory, { entries, doubt }: List): History {
  const remembered: Remembered[] = []
  let left = MOST_TEXT
  for (const { line, seconds } of entries.slice(0, MOST_ENTRIES)) {
    if (left <= 0) break
    const command = memory.text(line, LONGEST_LINE)
    remembered.push({ command, time: seconds === null ? null : isoTime(seconds * NANOSECONDS) })
    left -= command?.length ?? 0
  }
  return { entries: remembered, doubt, more: entries.length - remembered.length }
}
