/** The kernel's log before 5.10: records of their own lengths in `log_buf` (kernel/printk/printk.c). */

import type { Kernel } from './kernel.js'
import { callerName, type LogRecord } from './printk.js'
import { addressOf, optional, records, type Selects } from './query.js'
import { RingBytes } from './ring-bytes.js'
import { readValues } from './values.js'

const RECORD = 'struct printk_log'
/** CONFIG_LOG_BUF_SHIFT is 25 at most. */
const MOST_BYTES = 1 << 25
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Any address but NULL. */
const FIRST = 4096

const COLUMNS = {
  nanoseconds: 'ts_nsec',
  length: 'text_len',
  // Text follows what is kept of it: where a second record would lie, had the first this address.
  behind: addressOf(`((struct printk_log *)(ts_nsec & 0 + ${FIRST}))[1]`),
  facility: 'facility',
  level: 'level',
  caller: optional('caller_id'),
} satisfies Selects

/** Where the log is and what of it counts; all zero where there is none. */
interface Log {
  buffer: bigint
  length: number
  /** Places of the oldest record, and behind the newest. */
  first: number
  next: number
  firstSequence: bigint
  nextSequence: bigint
}

/** Records from the oldest to the newest. */
export function readOldLog(kernel: Kernel): LogRecord[] {
  const { buffer, length, first, next, firstSequence, nextSequence } = findLog(kernel)
  // Behind the last record that fits a length of zero says that the next one is at the start.
  const parts =
    first < next
      ? [[first, next - first]]
      : [
          [first, length - first],
          [0, next],
        ]
  const bytes = new RingBytes(kernel, buffer, length)
  const found: LogRecord[] = []
  for (const [start = 0, size = 0] of parts) {
    const places = size === 0 ? [] : [buffer + BigInt(start)]
    const batch = kernel
      .unheard()
      .at(places, RECORD)
      .walk(records('', size, RECORD, 'len'))
      .select(COLUMNS)
    for (let row = 0; row < batch.length; row++) {
      const textLength = batch.column('length').number(row)
      const header = (batch.column('behind').number(row) ?? FIRST) - FIRST
      const place = Number(batch.address(row) - buffer) + header
      const caller = batch.column('caller').number(row)
      const text = textLength === null ? null : bytes.at(place, textLength)
      found.push({
        sequence: firstSequence + BigInt(found.length),
        nanoseconds: batch.column('nanoseconds').bigint(row),
        level: batch.column('level').number(row),
        facility: batch.column('facility').number(row),
        caller: caller === null ? null : callerName(caller),
        device: null,
        text: text === null ? null : decoder.decode(text),
      })
    }
  }
  const lost = nextSequence - firstSequence - BigInt(found.length)
  if (lost !== 0n) kernel.warn({ code: 'torn', message: 'the log says that it has more or fewer records than it has' })
  return found
}

function findLog(kernel: Kernel): Log {
  const read = (name: string, type: string) => readValues(kernel, type, [kernel.address(name) ?? 0n])[0] ?? 0
  const length = Number(read('log_buf_len', 'unsigned int'))
  const [first, next] = [Number(read('log_first_idx', 'unsigned int')), Number(read('log_next_idx', 'unsigned int'))]
  const log = {
    buffer: BigInt(read('log_buf', 'unsigned long')),
    length,
    first,
    next,
    firstSequence: BigInt(read('log_first_seq', 'unsigned long')),
    nextSequence: BigInt(read('log_next_seq', 'unsigned long')),
  }
  if (length <= MOST_BYTES && first <= length && next <= length) return log
  kernel.warn({ code: 'torn', message: 'what should be the log says of itself what no log can be' })
  return { buffer: 0n, length: 0, first: 0, next: 0, firstSequence: 0n, nextSequence: 0n }
}
