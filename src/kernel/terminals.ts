/** `struct tty_struct`: terminals, who works at them and what is in their buffers (drivers/tty/tty_io.c, n_tty.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { rulesOf, TASK_STRUCT, TTY_STRUCT } from './objects.js'
import { addressOf, array, bytes, chain, type Nested, object, type Selects, text } from './query.js'
import { RingBytes } from './ring-bytes.js'

/** A terminal, or the end of one that a program stands behind. */
export interface Terminal {
  /** Of the `struct tty_struct`. */
  address: bigint
  /** `pts0`, `tty1`, `ttyS0`; the other end of a pseudo-terminal is `ptm0`. */
  name: string | null
  driver: string | null
  /** The process id of the session that it controls, and of the group of processes in its foreground. */
  session: number | null
  foreground: number | null
  /** Of the other end of a pseudo-terminal. */
  peer: string | null
  discipline: string | null
  /** How often it is open. */
  opened: number | null
  /** What was typed and nobody has read yet. */
  unread: Uint8Array | null
  /** What was read before, as far as it is still in the buffer, oldest first. */
  read: Uint8Array | null
  /** What came from the device or the other end and has not been looked at yet. */
  pending: Uint8Array | null
}

/** Bytes of one flip buffer (TTYB_DEFAULT_MEM_LIMIT is for all of a port's): more are damage. */
const MOST_PENDING = 1 << 16

/** What a file of a terminal leads to; other files have other operations. */
function filesOf(operations: string) {
  return {
    walk: array('files->fdt->fd', { count: 'files->fdt->max_fds', pointers: true, type: 'struct file' }),
    rules: [{ path: 'f_op', is: { symbol: operations } }],
    select: { tty: '((struct tty_file_private *)private_data)->tty' },
  } satisfies Nested
}

const HELD = {
  ttys: filesOf('tty_fops'),
  masters: filesOf('ptmx_fops'),
  consoles: filesOf('console_fops'),
  controlling: { walk: object('signal->tty'), select: {} },
} satisfies Record<string, Nested>

/** Terminals that a driver has for good; those of pseudo-terminals come and go. */
const OF_DRIVER = {
  walk: array('ttys', { count: 'num', pointers: true, type: TTY_STRUCT, most: 4096 }),
  select: {},
} satisfies Nested

const COLUMNS = {
  name: text('name'),
  driver: text('driver->name', 64),
  session: ['ctrl.session->numbers[0].nr', 'session->numbers[0].nr'],
  foreground: ['ctrl.pgrp->numbers[0].nr', 'pgrp->numbers[0].nr'],
  peer: text('link->name'),
  opened: 'count',
  disciplines: 'ldisc->ops',
  discipline: text('ldisc->ops->name', 32),
  data: 'disc_data',
} satisfies Selects

/** Of the end that a program stands behind: who works at the other. */
const OTHER_END = {
  session: ['link->ctrl.session->numbers[0].nr', 'link->session->numbers[0].nr'],
} satisfies Selects

const TYPED = {
  head: 'read_head',
  tail: 'read_tail',
  buffer: bytes('read_buf'),
} satisfies Selects

const BUFFERS = {
  walk: chain('port->buf.head', 'struct tty_buffer', 'next'),
  select: { commit: 'commit', read: 'read', data: addressOf('data') },
} satisfies Nested

/** Every terminal that a process has, that controls a session, or that its driver has for good; by their names. */
export function readTerminals(kernel: Kernel, tasks: readonly bigint[]): Terminal[] {
  const addresses = [...new Set([...heldBy(kernel, tasks), ...ofDrivers(kernel)])]
  const ttys = kernel.at(addresses, TTY_STRUCT).obeying(rulesOf(TTY_STRUCT)).select(COLUMNS, { buffers: BUFFERS })
  const typed = readTyped(kernel, ttys)
  const pending = readPending(kernel, ttys.child('buffers'))
  const number = (name: 'session' | 'foreground' | 'opened', row: number) => ttys.column(name).number(row)
  const terminals = Array.from({ length: ttys.length }, (_, row) => ({
    address: ttys.address(row),
    name: ttys.column('name').text(row),
    driver: ttys.column('driver').text(row),
    session: number('session', row),
    foreground: number('foreground', row),
    peer: ttys.column('peer').text(row),
    discipline: ttys.column('discipline').text(row),
    opened: number('opened', row),
    unread: typed.get(row)?.unread ?? null,
    read: typed.get(row)?.read ?? null,
    pending: pending.get(row) ?? null,
  }))
  return terminals.sort(
    (left, right) => compare(left.name ?? '', right.name ?? '') || Number(left.address - right.address),
  )
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

/** By a file of a process's, or as the terminal that controls it. */
function heldBy(kernel: Kernel, tasks: readonly bigint[]): bigint[] {
  // That most files are no terminals is no news.
  const found = kernel.unheard().at(tasks, TASK_STRUCT).select({}, HELD)
  const files = (['ttys', 'masters', 'consoles'] as const).flatMap((name) => {
    const held = found.child(name)
    return Array.from({ length: held.length }, (_, row) => held.column('tty').bigint(row) ?? 0n)
  })
  return [...files, ...found.child('controlling').addresses].filter((address) => address !== 0n)
}

function ofDrivers(kernel: Kernel): bigint[] {
  const drivers = kernel.list('tty_drivers', 'struct tty_driver', 'tty_drivers').select({}, { ttys: OF_DRIVER })
  return [...drivers.child('ttys').addresses]
}

/** Sessions at pseudo-terminals behind which this process stands: as the leaders' process ids. */
export function sessionsBehind(kernel: Kernel, task: bigint): Set<number> {
  const held = kernel.unheard().at([task], TASK_STRUCT).select({}, { masters: HELD.masters }).child('masters')
  const ends = Array.from({ length: held.length }, (_, row) => held.column('tty').bigint(row) ?? 0n)
  const found = kernel
    .at(
      ends.filter((address) => address !== 0n),
      TTY_STRUCT,
    )
    .select(OTHER_END)
  return new Set(Array.from({ length: found.length }, (_, row) => found.column('session').number(row) ?? 0))
}

/** What was typed, where the usual discipline keeps it. */
function readTyped(kernel: Kernel, ttys: Batch<typeof COLUMNS>): Map<number, { unread: Uint8Array; read: Uint8Array }> {
  const usual = kernel.address('n_tty_ops')
  const rows = [...ttys.addresses.keys()].filter((row) => ttys.column('disciplines').bigint(row) === usual)
  const own = rows.filter((row) => (ttys.column('data').bigint(row) ?? 0n) !== 0n)
  const data = own.map((row) => ttys.column('data').bigint(row) ?? 0n)
  const found = kernel.at(data, 'struct n_tty_data').select(TYPED)
  return new Map(
    own.flatMap((row, index) => {
      const [head, tail] = [found.column('head').bigint(index), found.column('tail').bigint(index)]
      const buffer = found.column('buffer').bytes(index)
      return head === null || tail === null || buffer === null ? [] : [[row, inputOf(buffer, head, tail)] as const]
    }),
  )
}

/** What of a ring nobody has read yet, and what was read and is still there; of one that was never full the rest is zeros. */
export function inputOf(buffer: Uint8Array, head: bigint, tail: bigint): { unread: Uint8Array; read: Uint8Array } {
  const size = BigInt(Math.max(1, buffer.length))
  const length = Number(BigInt.asUintN(64, head - tail))
  const unread = Math.min(length, buffer.length)
  const [from, to] = [Number(BigInt.asUintN(64, tail) % size), Number(BigInt.asUintN(64, head) % size)]
  const around = (start: number, count: number) =>
    Uint8Array.from({ length: count }, (_, at) => buffer[(start + at) % buffer.length] ?? 0)
  const rest = around(to, buffer.length - unread)
  const isThere = (byte: number) => byte !== 0
  const [first, last] = [rest.findIndex(isThere), rest.findLastIndex(isThere)]
  return { unread: around(from, unread), read: first < 0 ? new Uint8Array() : rest.subarray(first, last + 1) }
}

function readPending(kernel: Kernel, buffers: Batch<(typeof BUFFERS)['select']>): Map<number, Uint8Array> {
  const pending = new Map<number, Uint8Array>()
  for (let row = 0; row < buffers.length; row++) {
    const [read, commit] = [buffers.column('read').number(row), buffers.column('commit').number(row)]
    const data = buffers.column('data').bigint(row)
    if (read === null || commit === null || data === null || read < 0 || commit <= read || commit > MOST_PENDING)
      continue
    const bytes = new RingBytes(kernel, data + BigInt(read), commit - read).at(0, commit - read)
    const before = pending.get(buffers.parents[row] ?? 0) ?? new Uint8Array()
    if (bytes !== null) pending.set(buffers.parents[row] ?? 0, Uint8Array.from([...before, ...bytes]))
  }
  return pending
}
