/** `struct io_ring_ctx`: rings on which processes hand work to the kernel without a system call (io_uring/). */

import type { Batch } from './batch.js'
import { readDescriptors } from './descriptors.js'
import type { Kernel } from './kernel.js'
import { readMappings, VMA } from './mappings.js'
import { bytes, constantName, optional, type Paths } from './query.js'

/** IORING_SETUP_* by their bits (include/uapi/linux/io_uring.h). */
const FLAGS =
  'IOPOLL SQPOLL SQ_AFF CQSIZE CLAMP ATTACH_WQ R_DISABLED SUBMIT_ALL COOP_TASKRUN TASKRUN_FLAG SQE128 CQE32 SINGLE_ISSUER DEFER_TASKRUN NO_MMAP REGISTERED_FD_ONLY NO_SQARRAY HYBRID_IOPOLL CQE_MIXED SQE_MIXED'.split(
    ' ',
  )
/** IORING_SETUP_SQE128: entries are twice as long. */
const SQE128 = 1 << 10
const SQE_BYTES = 64
/** IORING_MAX_ENTRIES and IORING_MAX_FIXED_FILES (io_uring/io_uring.h, rsrc.c); more is no ring. */
const MOST_ENTRIES = 32768
const MOST_FILES = 1 << 20
/** Entries of a submission ring that are shown, the last that were put there. */
const SHOWN = 64
/** What else lies in the word of a registered file's address (FFS_MASK, io_uring/filetable.h). */
const FILE_FLAGS = 7n
/** A type that every kernel has, for objects to begin at whose own types one may lack. */
const ANY = 'struct list_head'
/** How /proc calls a mapping of a ring. */
const MAPPED = 'anon_inode:[io_uring]'

/** An entry of a submission ring. */
export interface Submission {
  /** `READV`, `SENDMSG` …: what IORING_OP_… it is. */
  operation: string
  fd: number
  /** In the process's memory. */
  address: bigint
  length: number
  user_data: bigint
  /** Whether the kernel has taken it. */
  taken: boolean
}

/** A ring that a process holds. */
export interface Ring {
  /** Of its `struct io_ring_ctx`. */
  address: bigint
  /** Of the process's leader. */
  task: bigint
  /** Null where the process holds it by a mapping alone. */
  fd: number | null
  flags: string[] | null
  /** Entries that the rings have room for, that wait to be taken, and that wait to be looked at. */
  sq_entries: number | null
  cq_entries: number | null
  submitted: number | null
  completed: number | null
  /** Operations that have gone through it since it was made, as far as 32 bits count. */
  total: number | null
  /** The thread of the kernel that takes entries by itself (SQPOLL). */
  sq_thread_tid: number | null
  sq_thread_cpu: number | null
  submitter_tid: number | null
  /** Addresses of `struct file`s that are registered. */
  files: bigint[]
  /** Memory of the process that is registered. */
  buffers: { start: bigint; length: number }[]
  submissions: Submission[]
}

const ring = (below: string): string => `((struct io_ring_ctx *)private_data)->${below}`
const word = (below: Paths): Paths => (typeof below === 'string' ? ring(below) : below.map(ring))

/** Columns of a ring's file. All are optional: kernels before 5.1 have no rings. */
const RING = {
  context: 'private_data',
  flags: optional(word('flags')),
  sq_entries: optional(word('sq_entries')),
  cq_entries: optional(word('cq_entries')),
  sq_head: optional(word('rings->sq.head')),
  sq_tail: optional(word('rings->sq.tail')),
  cq_head: optional(word('rings->cq.head')),
  cq_tail: optional(word('rings->cq.tail')),
  thread: optional(word(['sq_data->thread->pid', 'sqo_thread->pid'])),
  cpu: optional(word('sq_data->sq_cpu')),
  submitter: optional(word('submitter_task->pid')),
  array: optional(bytes(word('sq_array'), { length: word('sq_entries << 2'), max: MOST_ENTRIES * 4 })),
  entries: optional(bytes(word('sq_sqes'), { length: word('sq_entries << 6'), max: MOST_ENTRIES * SQE_BYTES })),
  /** Of each registered file its address: in a table, before 5.5 in an array; from 6.13 on a node leads to it. */
  files: optional(
    bytes(word(['file_table.files', 'user_files']), { length: word('nr_user_files << 3'), max: MOST_FILES * 8 }),
  ),
  file_nodes: optional(
    bytes(word('file_table.data.nodes'), { length: word('file_table.data.nr << 3'), max: MOST_FILES * 8 }),
  ),
  buffers: optional(bytes(word('user_bufs'), { length: word('nr_user_bufs << 3'), max: MOST_ENTRIES * 8 })),
  buffer_nodes: optional(bytes(word('buf_table.nodes'), { length: word('buf_table.nr << 3'), max: MOST_ENTRIES * 8 })),
} as const

type Rings = Batch<typeof RING>

/** Rings of processes, given by their leaders, each once for each descriptor, or where there is none for its mappings. */
export function readRings(kernel: Kernel, leaders: readonly bigint[]): Ring[] {
  const held = holders(kernel, leaders)
  const batch = kernel
    .ofKindsItHas()
    .at(
      held.map(({ file }) => file),
      'struct file',
    )
    .select(RING)
  const operations = operationNames(kernel)
  const registered = readRegistered(kernel, batch)
  return held.map(({ task, fd }, row): Ring => {
    const number = (name: keyof typeof RING) => batch.column(name).number(row)
    const flags = number('flags')
    return {
      address: batch.column('context').bigint(row) ?? 0n,
      task,
      fd,
      flags:
        flags === null
          ? null
          : FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0).map((name) => `IORING_SETUP_${name}`),
      sq_entries: number('sq_entries'),
      cq_entries: number('cq_entries'),
      submitted: distance(number('sq_head'), number('sq_tail')),
      completed: distance(number('cq_head'), number('cq_tail')),
      total: number('sq_head'),
      sq_thread_tid: number('thread'),
      sq_thread_cpu: number('thread') === null ? null : number('cpu'),
      submitter_tid: number('submitter'),
      files: registered.files[row] ?? [],
      buffers: registered.buffers[row] ?? [],
      submissions: submissionsOf(batch, row, operations),
    }
  })
}

interface Holder {
  file: bigint
  task: bigint
  fd: number | null
}

function holders(kernel: Kernel, leaders: readonly bigint[]): Holder[] {
  const descriptors = readDescriptors(kernel, leaders).filter(({ type }) => type === 'io_uring')
  const held: Holder[] = descriptors.map(({ address, task, fd }) => ({ file: address, task, fd }))
  const seen = new Set(held.map(({ file, task }) => `${file} ${task}`))
  // Names of other areas, which a kernel may lack, are of no interest here.
  const mappings = readMappings(kernel.ofKindsItHas(), leaders).filter(({ path }) => path === MAPPED)
  const areas = kernel
    .at(
      mappings.map(({ address }) => address),
      VMA,
    )
    .select({ file: 'vm_file' })
  for (const [row, { task }] of mappings.entries()) {
    const file = areas.column('file').bigint(row)
    if (!file || seen.has(`${file} ${task}`)) continue
    seen.add(`${file} ${task}`)
    held.push({ file, task, fd: null })
  }
  return held
}

/** From one place of a ring to another: both count up, and begin again after 32 bits. */
function distance(from: number | null, to: number | null): number | null {
  return from === null || to === null ? null : (to - from) >>> 0
}

/** Names of operations by their numbers. */
function operationNames(kernel: Kernel): string[] {
  const numbers = Array.from({ length: 256 }, (_, number) => BigInt(number))
  const self = 'container_of(, struct list_head, next)'
  const column = optional(constantName(self, 'IORING_OP_NOP'))
  const names = kernel.ofKindsItHas().at(numbers, ANY).select({ name: column }).column('name')
  return numbers.map((number, row) => names.text(row)?.replace('IORING_OP_', '') ?? `${number}`)
}

/** The last entries that a process has put on its ring, oldest first: the kernel leaves them as they were. */
function submissionsOf(batch: Rings, row: number, operations: readonly string[]): Submission[] {
  const number = (name: keyof typeof RING) => batch.column(name).number(row) ?? 0
  const [entries, order] = [batch.column('entries').bytes(row), batch.column('array').bytes(row)]
  const [room, head, tail] = [number('sq_entries'), number('sq_head'), number('sq_tail')]
  // The longer ones are not all read, and their places would be others.
  if (entries === null || room === 0 || (number('flags') & SQE128) !== 0) return []
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength)
  const count = Math.min(SHOWN, room, tail)
  return Array.from({ length: count }, (_, index) => tail - count + index).flatMap((at) => {
    const place = at % room
    const entry = order === null ? place : order.byteLength >= (place + 1) * 4 ? indexAt(order, place) : room
    const from = entry * SQE_BYTES
    if (entry >= room || from + SQE_BYTES > view.byteLength) return []
    const operation = view.getUint8(from)
    return [
      {
        operation: operations[operation] ?? `${operation}`,
        fd: view.getInt32(from + 4, true),
        address: view.getBigUint64(from + 16, true),
        length: view.getUint32(from + 24, true),
        user_data: view.getBigUint64(from + 32, true),
        taken: distance(at, head) !== 0 && ((head - at) | 0) > 0,
      },
    ]
  })
}

function indexAt(order: Uint8Array, place: number): number {
  return new DataView(order.buffer, order.byteOffset, order.byteLength).getUint32(place * 4, true)
}

interface Registered {
  files: bigint[][]
  buffers: Ring['buffers'][]
}

/** What processes have registered with their rings. Kernels before 6.13 have no nodes. */
function readRegistered(kernel: Kernel, batch: Rings): Registered {
  const rows = Array.from({ length: batch.length }, (_, row) => row)
  const words = (name: 'files' | 'file_nodes' | 'buffers' | 'buffer_nodes') =>
    rows.map((row) => wordsOf(batch.column(name).bytes(row)))
  const [files, fileNodes, buffers, bufferNodes] = [
    words('files'),
    words('file_nodes'),
    words('buffers'),
    words('buffer_nodes'),
  ]
  const known = kernel.ofKindsItHas()
  const nodes = known.at(new Set([...fileNodes.flat(), ...bufferNodes.flat()]), ANY).select({
    file: optional('container_of(, struct io_rsrc_node, type)->file_ptr'),
    buffer: optional('container_of(, struct io_rsrc_node, type)->buf'),
  })
  const target = (name: 'file' | 'buffer') =>
    new Map(Array.from(nodes.addresses, (address, row) => [address, nodes.column(name).bigint(row) ?? 0n]))
  const [fileOf, bufferOf] = [target('file'), target('buffer')]
  const mapped = rows.map((row) => [
    ...(buffers[row] ?? []),
    ...(bufferNodes[row] ?? []).map((node) => bufferOf.get(node) ?? 0n),
  ])
  const spans = readBuffers(known, new Set(mapped.flat().filter((address) => address !== 0n)))
  return {
    files: rows.map((row) =>
      [...(files[row] ?? []), ...(fileNodes[row] ?? []).map((node) => fileOf.get(node) ?? 0n)]
        .map((file) => file & ~FILE_FLAGS)
        .filter((file) => file !== 0n),
    ),
    buffers: mapped.map((addresses) => addresses.flatMap((address) => spans.get(address) ?? [])),
  }
}

function readBuffers(kernel: Kernel, addresses: ReadonlySet<bigint>): Map<bigint, Ring['buffers'][number]> {
  const buffer = (below: string): string => `container_of(, struct io_mapped_ubuf, ubuf)->${below}`
  const batch = kernel.at(addresses, ANY).select({
    start: optional(buffer('ubuf')),
    end: optional(buffer('ubuf_end')),
    length: optional(buffer('len')),
  })
  return new Map(
    Array.from(batch.addresses, (address, row) => {
      const start = batch.column('start').bigint(row) ?? 0n
      const end = batch.column('end').bigint(row)
      return [
        address,
        { start, length: end === null ? (batch.column('length').number(row) ?? 0) : Number(end - start) },
      ]
    }),
  )
}

/** Words of a table that are something. */
function wordsOf(table: Uint8Array | null): bigint[] {
  if (table === null) return []
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength)
  const words = Array.from({ length: Math.floor(table.byteLength / 8) }, (_, index) =>
    view.getBigUint64(index * 8, true),
  )
  return words.filter((word) => word !== 0n)
}
