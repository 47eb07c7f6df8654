/** Terminals: line disciplines, drivers, and which discipline each open terminal has (drivers/tty/). */

import type { Kernel } from '../kernel.js'
import { array, type Nested, optional, text } from '../query.js'
import type { Pointer } from './pointer.js'
import { memberPointers, ownerOf, tablePointers, wordsOf } from './tables.js'

/** NR_LDISCS at most (include/uapi/linux/tty.h). */
const DISCIPLINES = 32
/** Terminals of one driver; NR_UNIX98_PTY_MAX (include/linux/tty.h). */
const MOST_TERMINALS = 1 << 20

const DISCIPLINE = {
  open: 'open',
  close: 'close',
  read: 'read',
  write: 'write',
  ioctl: 'ioctl',
  set_termios: 'set_termios',
  poll: 'poll',
  receive_buf: 'receive_buf',
  receive_buf2: optional('receive_buf2'),
  write_wakeup: 'write_wakeup',
}
const DRIVER = {
  lookup: 'lookup',
  install: 'install',
  open: 'open',
  close: 'close',
  write: 'write',
  put_char: 'put_char',
  ioctl: 'ioctl',
  set_termios: 'set_termios',
  hangup: 'hangup',
}

export function terminalPointers(kernel: Kernel): Pointer[] {
  const registered = kernel
    .at(kernel.addresses('tty_ldiscs'), 'struct list_head')
    .walk(
      array('((unsigned long *)(container_of(, struct list_head, next)))', {
        count: wordsOf(kernel, 'tty_ldiscs', DISCIPLINES),
        pointers: true,
        type: 'struct tty_ldisc_ops',
      }),
    )
    .select({ name: text('name', 64), ...DISCIPLINE })
  const places = kernel.resolve(registered.addresses)
  const disciplines = Array.from({ length: registered.length }, (_, row) => {
    const name = registered.column('name').text(row)
    const owner = ownerOf(places[row] ?? null)
    return memberPointers(registered, row, Object.keys(DISCIPLINE), { kind: 'tty discipline', name, owner })
  }).flat()
  const known = new Set(registered.addresses)
  return [...disciplines, ...driverPointers(kernel, known)]
}

const TERMINALS = {
  walk: array('ttys', { count: 'num', pointers: true, type: 'struct tty_struct', most: MOST_TERMINALS }),
  select: {
    name: text('name'),
    discipline: 'ldisc->ops',
    receive: ['ldisc->ops->receive_buf2', 'ldisc->ops->receive_buf'],
    receive_first: 'ldisc->ops->receive_buf',
  },
} satisfies Nested

function driverPointers(kernel: Kernel, disciplines: ReadonlySet<bigint>): Pointer[] {
  const drivers = kernel
    .list('tty_drivers', 'struct tty_driver', 'tty_drivers')
    .select({ name: text('name', 64), operations: 'ops' }, { terminals: TERMINALS })
  const tables = Array.from({ length: drivers.length }, (_, row) => ({
    table: drivers.column('operations').bigint(row) ?? 0n,
    name: drivers.column('name').text(row),
  }))
  const terminals = drivers.child('terminals')
  const open = Array.from({ length: terminals.length }, (_, row): Pointer => {
    const first = terminals.column('receive_first').bigint(row) ?? 0n
    return {
      kind: 'tty',
      name: terminals.column('name').text(row),
      index: null,
      address: first === 0n ? (terminals.column('receive').bigint(row) ?? 0n) : first,
      owner: null,
      // A terminal has one of the disciplines that are registered, where these can be read.
      wrong: disciplines.size > 0 && !disciplines.has(terminals.column('discipline').bigint(row) ?? 0n),
    }
  })
  return [...tablePointers(kernel, 'tty driver', 'struct tty_operations', DRIVER, tables), ...open]
}
