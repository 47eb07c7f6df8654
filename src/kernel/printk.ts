/** The kernel's log: records of `struct printk_ringbuffer` (kernel/printk/printk_ringbuffer.c), before 5.10 of `log_buf`. */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { readOldLog } from './printk-before.js'
import { array, type Selects, text } from './query.js'
import { RingBytes } from './ring-bytes.js'

/** A message. */
export interface LogRecord {
  /** Counts from 0 at the kernel's start. */
  sequence: number | bigint | null
  /** Nanoseconds since then, by the scheduler's clock. */
  nanoseconds: bigint | null
  /** 0 for an emergency, 7 for debugging. */
  level: number | null
  facility: number | null
  /** `T` and a thread's id, or `C` and a processor's number. */
  caller: string | null
  /** Which device it is about, as `+pci:0000:00:01.1`. */
  device: string | null
  text: string | null
}

const RINGBUFFER = 'struct printk_ringbuffer'
/** A descriptor's word has two bits of state above its number (DESC_FLAGS_SHIFT). */
const STATE_SHIFT = 62n
const NUMBERS = 1n << STATE_SHIFT
/** `desc_committed` and `desc_finalized`: of these the text is whole. */
const WRITTEN: ReadonlySet<bigint> = new Set([1n, 2n])
/** Both ends of a record that has no text because none was given (NO_LPOS, EMPTY_LINE_LPOS). */
const NO_TEXT = 3n
/** A block of text begins with its descriptor's number. */
const HEADER = 8
/** Text of 2^25 bytes, as CONFIG_LOG_BUF_SHIFT allows, and a record for every 32 of them (PRB_AVGBITS). */
const MOST_BYTES_BITS = 25
const MOST_RECORDS_BITS = 20
/** Of `caller_id`: a processor's number, not a thread's id (printk_caller_id). */
const ON_PROCESSOR = 0x80000000

/** A byte order mark is a character like any other. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

const RING = {
  count_bits: 'desc_ring.count_bits',
  head: 'desc_ring.head_id.counter',
  tail: 'desc_ring.tail_id.counter',
  size_bits: 'text_data_ring.size_bits',
  data: 'text_data_ring.data',
} satisfies Selects

const DESCRIPTOR = {
  state: 'state_var.counter',
  begin: 'text_blk_lpos.begin',
  next: 'text_blk_lpos.next',
} satisfies Selects

const INFO = {
  sequence: 'seq',
  nanoseconds: 'ts_nsec',
  length: 'text_len',
  facility: 'facility',
  level: 'level',
  caller: 'caller_id',
  subsystem: text('dev_info.subsystem'),
  device: text('dev_info.device'),
} satisfies Selects

/** Records from the oldest to the newest; what cannot be read of one is null. */
export function readLog(kernel: Kernel): LogRecord[] {
  // A kernel has one of the two.
  return [readOldLog, readRing].flatMap((read) => kernel.attempt(() => read(kernel)) ?? [])
}

/** What the kernel says of its ring, held to what one can be. */
interface Ring {
  address: bigint
  /** Descriptors, each of which is one record's at a time. */
  count: number
  /** The numbers of the oldest and of the newest record. */
  tail: bigint
  head: bigint
  data: bigint
  /** Bytes of text. */
  size: number
}

function readRing(kernel: Kernel): LogRecord[] {
  const ring = findRing(kernel)
  const { address = 0n, count = 0, size = 0, data = 0n, tail = 0n, head = -1n } = ring ?? {}
  const whole = kernel.at(ring === null ? [] : [address], RINGBUFFER).select(
    {},
    {
      descriptors: { walk: array('desc_ring.descs', { count, type: 'struct prb_desc' }), select: DESCRIPTOR },
      infos: { walk: array('desc_ring.infos', { count, type: 'struct printk_info' }), select: INFO },
    },
  )
  const [descriptors, infos] = [whole.child('descriptors'), whole.child('infos')]
  const bytes = new RingBytes(kernel, data, size)
  const records: LogRecord[] = []
  let torn = 0
  for (let number = tail; number <= head; number++) {
    const row = Number(number % BigInt(count))
    const word = BigInt.asUintN(64, descriptors.column('state').bigint(row) ?? 0n)
    const isOwn = word % NUMBERS === number % NUMBERS
    // Before the first record there is a descriptor of which nothing was ever written.
    if (isOwn && !WRITTEN.has(word >> STATE_SHIFT)) continue
    // Records and descriptors are given away in step, from whatever number on.
    if (!isOwn || (infos.column('sequence').number(row) ?? -1) % count !== row) {
      torn++
      continue
    }
    const [begin, next] = [descriptors.column('begin').bigint(row), descriptors.column('next').bigint(row)]
    const length = infos.column('length').number(row)
    records.push(record(infos, row, textOf(bytes, { number, begin, next, size, length })))
  }
  if (torn > 0) kernel.warn({ code: 'torn', message: 'places in the log hold records of another moment', count: torn })
  return records
}

function findRing(kernel: Kernel): Ring | null {
  const ring = kernel.symbol('prb', `${RINGBUFFER} *`).select(RING)
  const [countBits, sizeBits] = [ring.column('count_bits').number(0), ring.column('size_bits').number(0)]
  const [data, head, tail] = (['data', 'head', 'tail'] as const).map((name) => ring.column(name).bigint(0))
  if (countBits === null || sizeBits === null || data == null || head == null || tail == null) return null
  const count = 2 ** countBits
  const first = BigInt.asUintN(62, tail)
  const length = BigInt.asUintN(62, head - tail)
  if (countBits > MOST_RECORDS_BITS || sizeBits > MOST_BYTES_BITS || length >= count) {
    kernel.warn({ code: 'torn', message: 'what should be the log says of itself what no log can be', count: 1 })
    return null
  }
  return { address: ring.address(0), count, tail: first, head: first + length, data, size: 2 ** sizeBits }
}

function record(infos: Batch<typeof INFO>, row: number, text: string | null): LogRecord {
  const [subsystem, device] = [infos.column('subsystem').text(row), infos.column('device').text(row)]
  const caller = infos.column('caller').number(row)
  return {
    sequence: infos.column('sequence').exact(row),
    nanoseconds: infos.column('nanoseconds').bigint(row),
    level: infos.column('level').number(row),
    facility: infos.column('facility').number(row),
    caller: caller === null ? null : callerName(caller),
    device: subsystem && device ? deviceOf(subsystem, device) : null,
    text,
  }
}

/** As /proc's and /dev/kmsg's readers see it (CONFIG_PRINTK_CALLER). */
export function callerName(caller: number): string {
  return caller >= ON_PROCESSOR ? `C${caller - ON_PROCESSOR}` : `T${caller}`
}

/** As in /dev/kmsg: `b8:0` and `c1:3` name device nodes, `n1` an interface, others a subsystem and its device. */
function deviceOf(subsystem: string, device: string): string {
  return /^[bcn]\d/.test(device) ? device : `${subsystem}:${device}`
}

/** Where a record's text is said to lie. */
export interface Block {
  /** Its descriptor's number. */
  number: bigint
  /** Places in all that was ever written. */
  begin: bigint | null
  next: bigint | null
  /** Of the ring. */
  size: number
  /** Bytes of text. */
  length: number | null
}

/** A record's text; null where its block cannot be read, or is another's by now (get_data). */
export function textOf(bytes: Pick<RingBytes, 'at'>, { number, begin, next, size, length }: Block): string | null {
  if (begin === null || next === null || length === null) return null
  if (begin === NO_TEXT && next === NO_TEXT) return ''
  const [from, to] = [Number(BigInt.asUintN(64, begin) % BigInt(size)), Number(BigInt.asUintN(64, next) % BigInt(size))]
  const isWhole = from + Number(BigInt.asUintN(64, next - begin)) <= size
  // A block that would go over the ring's end begins at its start instead.
  const [at, room] = isWhole ? [from, Number(BigInt.asUintN(64, next - begin))] : [0, to]
  if (room < HEADER + length) return null
  const block = bytes.at(at, HEADER + length)
  if (block === null) return null
  const owner = new DataView(block.buffer).getBigUint64(0, true)
  return owner % NUMBERS === number % NUMBERS ? decoder.decode(block.subarray(HEADER)) : null
}
