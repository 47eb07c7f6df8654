/** Audit records that the kernel still holds: what its daemon, or whoever listens for it, has not been given (kernel/audit.c). */

import type { Kernel } from './kernel.js'
import { type Piece, readContents } from './memory-pieces.js'
import type { Selects } from './query.js'
import type { Rule } from './rule.js'
import { inQueue } from './socket-queues.js'

/** Queues by their symbols: to be sent, to be sent again, and kept until there is a daemon. */
const QUEUES = [
  ['audit_queue', 'waiting'],
  ['audit_retry_queue', 'retry'],
  ['audit_hold_queue', 'held'],
] as const
/** NLMSG_HDRLEN (include/uapi/linux/netlink.h): length of 4 bytes, type of 2, flags of 2, sequence and port of 4. */
const HEADER = 16
/** MAX_AUDIT_MESSAGE_LENGTH is 8970 (include/uapi/linux/audit.h): a record that is longer is none. */
const MOST_BYTES = 1 << 14
/** Records of one queue that are read; audit_backlog_limit is 64 where nobody sets it. */
const MOST_RECORDS = 1 << 18

/** Which of the queues. */
export type AuditQueue = (typeof QUEUES)[number][1]

/** A record of the audit system. */
export interface AuditRecord {
  /** Of the `struct sk_buff`. */
  address: bigint
  queue: AuditQueue
  /** AUDIT_… (include/uapi/linux/audit.h). */
  type: number | null
  /** Milliseconds since 1970; null where it has no stamp. */
  milliseconds: number | null
  /** Number of the event, which records of one event share. */
  serial: number | null
  /** Behind the stamp. */
  text: string | null
}

const VALUES = { data: 'data', length: 'len' } satisfies Selects

/** A buffer that holds a record has no pages beside its own memory. */
const RULES: readonly Rule[] = [
  { path: 'head', is: 'pointer' },
  { path: 'data', is: 'pointer' },
  { path: 'data_len', is: { at_most: 0 } },
  { path: 'len', is: { at_least: HEADER } },
  { path: 'len', is: { at_most: MOST_BYTES } },
]

/** Each queue's records, oldest first; none where the kernel has no audit system. */
export function readAuditBacklog(kernel: Kernel): AuditRecord[] {
  const buffers = QUEUES.flatMap(([symbol, queue]) =>
    kernel.address(symbol) === null ? [] : queued(kernel, symbol, queue),
  )
  return readContents(kernel, buffers).flatMap(({ address, queue, contents, lost }): AuditRecord[] => {
    if (lost > 0) return [{ address, queue, type: null, milliseconds: null, serial: null, text: null }]
    const record = auditRecord(contents)
    if (record !== null) return [{ address, queue, ...record }]
    const message = `a buffer of the queue ${queue} is no audit record: left out`
    kernel.warn({ code: 'torn', message, address: `0x${address.toString(16)}` })
    return []
  })
}

/** A buffer of a queue, with where its message lies. */
interface Queued {
  address: bigint
  queue: AuditQueue
  parts: Piece[]
}

function queued(kernel: Kernel, symbol: string, queue: AuditQueue): Queued[] {
  const buffers = kernel
    .symbol(symbol, 'struct list_head')
    .walk(inQueue(''))
    .obeying(RULES)
    .most(MOST_RECORDS)
    .select(VALUES)
  return Array.from({ length: buffers.length }, (_, row) => ({
    address: buffers.address(row),
    queue,
    parts: [{ address: buffers.column('data').bigint(row) ?? 0n, length: buffers.column('length').number(row) ?? 0 }],
  }))
}

/** A byte order mark is a character like any other. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** `audit(1795438397.436:2): ` (audit_log_start()). */
const STAMP = /^audit\((\d{1,12})\.(\d{3}):(\d{1,10})\): ?/

/** What a message of the audit system says; null where it is not as long as its header says, which is set last (audit_log_end()). */
export function auditRecord(message: Uint8Array): Omit<AuditRecord, 'address' | 'queue'> | null {
  if (message.length < HEADER) return null
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  if (view.getUint32(0, true) !== message.length) return null
  const padded = message.subarray(HEADER)
  const whole = decoder.decode(padded.subarray(0, padded.findLastIndex((byte) => byte !== 0) + 1))
  const [stamp = '', seconds, thousandths, serial] = STAMP.exec(whole) ?? []
  return {
    type: view.getUint16(4, true),
    milliseconds: seconds === undefined ? null : Number(seconds) * 1000 + Number(thousandths),
    serial: serial === undefined ? null : Number(serial),
    text: whole.slice(stamp.length),
  }
}
