/** `struct trace_array`: what ftrace wrote to its buffers and nobody has read (kernel/trace/ring_buffer.c, trace.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { type Piece, readContents } from './memory-pieces.js'
import { addressOf, array, chain, firstOf, index, list, type Nested, type Selects, text } from './query.js'
import { readTraceEvents } from './trace-probes.js'

const PAGE = 'struct buffer_page'
const PER_CPU = 'struct ring_buffer_per_cpu'
/** NR_CPUS is 8192 at most. */
const MOST_CPUS = 1 << 13
/** Events that are shown. */
const MOST_EVENTS = 1 << 19
/** Bits of `commit` beside the bytes that were written (RB_MISSED_EVENTS, RB_MISSED_STORED). */
const BYTES = 0xfffff
/** Of a pointer to the oldest page (RB_PAGE_HEAD, RB_PAGE_UPDATE). */
const FLAGS = 3n
/** Lengths that say what else something is (include/linux/ring_buffer.h). */
const [PADDING, TIME_EXTEND, TIME_STAMP] = [29, 30, 31]
/** Bits of the time in an event's first word (TS_SHIFT). */
const TIME_BITS = 27n
/** Bits of the time that a stamp leaves out (TS_MSB). */
const STAMP_LEAVES_OUT = 0xf8n << 56n
/** `struct trace_entry`: type, flags, depth, and the thread in its last four bytes. */
const ENTRY = 8

/** An event as it lies on a page. */
export interface PageEvent {
  /** By the buffer's clock. */
  nanoseconds: bigint
  type: number
  tid: number
}

/** An event in a buffer. */
export interface BufferedEvent extends PageEvent {
  /** Name of the instance; null for the one that everything uses. */
  instance: string | null
  cpu: number | null
  /** Place of its clock among `trace_clocks`. */
  clock: number | null
  /** `sched:sched_switch`; null where no event has its type. */
  event: string | null
}

/** The ring of pages goes on by flagged pointers one way, and by plain ones the other. */
const NEWEST_FIRST = {
  walk: chain('commit_page', PAGE, `container_of(list.prev, ${PAGE}, list)`),
  select: { list: addressOf('list'), next: 'list.next', ...pageAt('') },
} satisfies Nested

/** What a page holds. */
function pageAt(path: string) {
  const at = path === '' ? 'page' : `${path}->page`
  return {
    data: addressOf(`${at}->data`),
    stamp: `${at}->time_stamp`,
    commit: `${at}->commit.a.counter`,
  } satisfies Selects
}

const READER = {
  cpu: 'cpu',
  reader: 'reader_page',
  newest: 'commit_page',
  read: 'reader_page->read',
  ...pageAt('reader_page'),
}

/** Before 5.8 an array's buffer had another name, and processors were counted until 6.9. */
const buffers = (buffer: string, count: string) =>
  array(`${buffer}.buffer->buffers`, { count, pointers: true, type: PER_CPU, most: MOST_CPUS })

const CPUS = {
  walk: firstOf(
    buffers('array_buffer', 'array_buffer.buffer->cpus'),
    buffers('trace_buffer', 'trace_buffer.buffer->cpus'),
    buffers('array_buffer', 'symbol(unsigned int nr_cpu_ids)'),
  ),
  rules: [{ path: 'cpu', is: { at_most: MOST_CPUS } }],
  select: { place: index(), ...READER },
  children: { pages: NEWEST_FIRST },
} satisfies Nested

/** Bytes of a page that were not read yet. */
interface Page {
  instance: string | null
  clock: number | null
  cpu: number | null
  stamp: bigint
  /** Bytes at its start that were read. */
  read: number
  parts: Piece[]
}

/** All events of all instances, oldest first on each processor. */
export function readTraceBuffers(kernel: Kernel): BufferedEvent[] {
  const arrays = kernel
    .ofRings()
    .at(kernel.addresses('ftrace_trace_arrays'), 'struct list_head')
    .walk(list('', 'struct trace_array', 'list'))
    .select({ name: text('name', 256), clock: 'clock_id' }, { cpus: CPUS })
  const cpus = arrays.child('cpus')
  const pagesOf = cpus.child('pages').byParent()
  const pages = Array.from({ length: cpus.length }, (_, row) => {
    const instance = cpus.parents[row] ?? 0
    const known = {
      instance: arrays.column('name').text(instance),
      clock: arrays.column('clock').number(instance),
      cpu: cpus.column('cpu').number(row),
    }
    const ring = inRing(cpus.child('pages'), pagesOf.get(row) ?? [], cpus.column('reader').bigint(row))
    const inOrder = [page(cpus, row, cpus.column('read').number(row) ?? 0), ...ring]
    return inOrder.map((one) => ({ ...known, ...one }))
  }).flat()
  return named(kernel, eventsOf(kernel, pages))
}

type Pages = Batch<ReturnType<typeof pageAt>>

function page(batch: Pages, row: number, read: number): Pick<Page, 'stamp' | 'read' | 'parts'> {
  const length = (batch.column('commit').number(row) ?? 0) & BYTES
  return {
    stamp: batch.column('stamp').bigint(row) ?? 0n,
    read,
    parts: [{ address: batch.column('data').bigint(row) ?? 0n, length }],
  }
}

/** From the oldest page, to which the one before it points with a flag, to the newest; none where that is with the reader. */
function inRing(batch: Batch<typeof NEWEST_FIRST.select>, rows: readonly number[], reader: bigint | null) {
  const [newest] = rows
  if (newest === undefined || batch.address(newest) === reader) return []
  const before = rows.findIndex((row) => ((batch.column('next').bigint(row) ?? 0n) & FLAGS) !== 0n)
  // Newest first: what is before the oldest comes after it.
  const used = before < 0 ? rows : rows.slice(0, before === 0 ? rows.length : before)
  return used.toReversed().map((row) => page(batch, row, 0))
}

function eventsOf(kernel: Kernel, pages: readonly Page[]): Omit<BufferedEvent, 'event'>[] {
  const found: Omit<BufferedEvent, 'event'>[] = []
  let count = 0
  const written = pages.filter(({ read, parts: [data] }) => (data?.length ?? 0) > read)
  for (const { instance, clock, cpu, stamp, read, contents, lost } of readContents(kernel, written)) {
    if (lost > 0) continue
    for (const event of pageEvents(contents, stamp, read)) {
      if (count++ < MOST_EVENTS) found.push({ instance, clock, cpu, ...event })
    }
  }
  kernel.capped('trace events', count, MOST_EVENTS)
  return found
}

/** Events of a page from its byte `read` on; what is before that only tells the time. */
export function pageEvents(data: Uint8Array, stamp: bigint, read: number): PageEvent[] {
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  const events: PageEvent[] = []
  let nanoseconds = stamp
  for (let at = 0; at + 8 <= data.length; ) {
    const word = view.getUint32(at, true)
    const [kind, delta, next] = [word & 31, BigInt(word >>> 5), view.getUint32(at + 4, true)]
    if (kind === PADDING && delta === 0n) break
    if (kind === TIME_STAMP) {
      nanoseconds = (nanoseconds & STAMP_LEAVES_OUT) | (BigInt(next) << TIME_BITS) | delta
    } else {
      nanoseconds += kind === TIME_EXTEND ? (BigInt(next) << TIME_BITS) + delta : delta
    }
    const [from, end] = extent(kind, next, at)
    if (end > data.length) break
    if (kind < PADDING && at >= read && from + ENTRY <= end) {
      events.push({ nanoseconds, type: view.getUint16(from, true), tid: view.getInt32(from + 4, true) })
    }
    at = end
  }
  return events
}

/** Where what an event holds begins and ends: its length is in its first word or, with 0 there, in the next. */
function extent(kind: number, next: number, at: number): [from: number, end: number] {
  if (kind === 0) return [at + 8, at + 4 + Math.max(4, next)]
  if (kind === PADDING) return [at + 4, at + 4 + Math.max(4, next)]
  if (kind > PADDING) return [at + 8, at + 8]
  return [at + 4, at + 4 + kind * 4]
}

/** Events with the names of their types. */
function named(kernel: Kernel, events: readonly Omit<BufferedEvent, 'event'>[]): BufferedEvent[] {
  const calls = kernel
    .at(events.length > 0 ? kernel.addresses('ftrace_events') : [], 'struct list_head')
    .walk(list('', 'struct trace_event_call', 'list'))
    .select({ type: 'event.type' })
  const known = readTraceEvents(kernel, calls.addresses)
  const names = new Map(
    [...calls.addresses].map((address, row) => {
      const call = known.get(address)
      return [calls.column('type').number(row), `${call?.system ?? '?'}:${call?.name ?? '?'}`]
    }),
  )
  return events.map((event) => ({ ...event, event: names.get(event.type) ?? null }))
}
