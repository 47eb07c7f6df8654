/** Function pointers of the kernel: nothing is suspicious that nobody changed, and each change is found and named. */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { array, bytes, hlist, type Nested } from '../../dist/src/kernel/query.js'
import { at, changed, entry, jump, NOWHERE, whole } from './changes.js'
import { sharedImage, sharedImages, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

type Row = Record<string, unknown>

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has the pointers that /proc/kallsyms names, none of them suspicious', () => {
      const { rows } = table('kernel-hooks', image.as('elf'))
      expect(rows.filter(({ suspicious }) => suspicious !== false)).toEqual([])
      const count = (kind: string) => rows.filter((row) => row.kind === kind).length
      const least = { syscall: 400, 'syscall switch': 300, idt: 256, lsm: 200, proc: 200, seq_operations: 100 }
      for (const [kind, few] of Object.entries(least)) {
        expect(count(kind), kind).toBeGreaterThanOrEqual(few)
      }
      for (const kind of [
        'notifier',
        'tty',
        'tty discipline',
        'protocol',
        'packet type',
        'binary format',
        'netfilter',
        'timer',
        'work',
      ]) {
        expect(count(kind), kind).toBeGreaterThan(0)
      }
      // A symbol is one of those that the guest has at that address.
      const symbols = new Map<string, Set<string>>()
      for (const [, address = '', name = ''] of image.text('raw/proc-kallsyms.txt').matchAll(/^(\w+) \w (\S+)/gm)) {
        symbols.set(`0x${address}`, (symbols.get(`0x${address}`) ?? new Set()).add(name))
      }
      const named = rows.filter(({ symbol }) => symbol !== null && !`${symbol}`.includes('+'))
      expect(named.length).toBeGreaterThan(1500)
      for (const { address, symbol } of named)
        expect(symbols.get(`${address}`)?.has(`${symbol}`), `${symbol}`).toBe(true)
    })
  })
}

/** Where a jump of the switch leads to a function. */
function caseOf(kernel: Kernel, target: bigint): bigint {
  const start = at(kernel, 'x64_sys_call')
  const code = kernel
    .at([start], 'char')
    .select({ code: bytes('', { length: 1 << 14 }) })
    .column('code')
    .bytes(0)
  const view = new DataView((code ?? new Uint8Array()).slice().buffer)
  const places = Array.from({ length: view.byteLength - 4 }, (_, place) => place)
  const found = places.find((place) => start + BigInt(place + 4) + BigInt(view.getInt32(place, true)) === target)
  return start + BigInt(found ?? 0)
}

/** The function of a timer on a processor's wheel that is, or is not, for a work that waits. */
function timer(kernel: Kernel, delayed: boolean): Patch {
  const waiting = { walk: hlist('', 'struct timer_list', 'entry'), select: { function: 'function' } } satisfies Nested
  const vectors = { walk: array('vectors'), select: {}, children: { waiting } } satisfies Nested
  const wheels = {
    walk: array('', { count: 2, type: 'struct timer_base' }),
    select: {},
    children: { vectors },
  } satisfies Nested
  const processors = kernel.perCpu('timer_bases', 'struct timer_base').select({}, { wheels })
  const timers = processors.child('wheels').child('vectors').child('waiting')
  const found = Array.from({ length: timers.length }, (_, row) => row).find(
    (row) => (timers.column('function').bigint(row) === at(kernel, 'delayed_work_timer_fn')) === delayed,
  )
  const path = delayed ? 'container_of(, struct delayed_work, timer)->work.func' : 'function'
  const { at: place } = word(kernel, timers.address(found ?? 0), 'struct timer_list', path)
  return whole(kernel, place, NOWHERE)
}

const CHANGES: Readonly<Record<string, { change: (kernel: Kernel) => Patch[]; row: Row }>> = {
  'a system call that leads to another function of the kernel': {
    change: (kernel) => [whole(kernel, at(kernel, 'sys_call_table') + 217n * 8n, at(kernel, 'commit_creds'))],
    row: { kind: 'syscall', name: 'sys_call_table', index: 217, symbol: 'commit_creds', module: 'kernel' },
  },
  'a timer that calls what is no code': {
    change: (kernel) => [timer(kernel, false)],
    row: { kind: 'timer', symbol: null, module: null },
  },
  'a work that waits to call what is no code': {
    change: (kernel) => [timer(kernel, true)],
    row: { kind: 'work', symbol: null, module: null },
  },
  'a system call that leads into no module': {
    change: (kernel) => [whole(kernel, at(kernel, 'sys_call_table') + 62n * 8n, NOWHERE)],
    row: { kind: 'syscall', index: 62, symbol: null, module: null },
  },
  'a case of the switch that leads elsewhere': {
    change: (kernel) => {
      const place = caseOf(kernel, at(kernel, '__x64_sys_wait4'))
      return [changed(kernel, place, (code) => code.setInt32(0, code.getInt32(0, true) + 64, true))]
    },
    row: { kind: 'syscall switch', index: 61, symbol: '__x64_sys_wait4' },
  },
  'an interrupt in the middle of a function': {
    change: (kernel) => [
      changed(kernel, at(kernel, 'idt_table') + 14n * 16n, (code) =>
        code.setUint16(0, code.getUint16(0, true) + 3, true),
      ),
    ],
    row: { kind: 'idt', index: 14 },
  },
  'a jump in place of what ftrace left at the start of a function': {
    change: (kernel) => [
      changed(kernel, at(kernel, 'vfs_read') + entry(kernel, 'vfs_read'), (code) =>
        jump(code, 0, at(kernel, 'vfs_read') + entry(kernel, 'vfs_read'), NOWHERE),
      ),
    ],
    row: { kind: 'function', name: expect.stringMatching(/^vfs_read/), address: '0xffffffffff000000', module: null },
  },
  'a jump behind it into a module': {
    change: (kernel) => {
      const place = at(kernel, 'vfs_write') + entry(kernel, 'vfs_write') + 5n
      return [changed(kernel, place, (code) => jump(code, 0, place, at(kernel, 'nf_conntrack_in')))]
    },
    row: {
      kind: 'function',
      name: expect.stringMatching(/^vfs_write/),
      symbol: 'nf_conntrack_in',
      module: 'nf_conntrack',
    },
  },
  'a listener to the keyboard': {
    change: (kernel) => [
      whole(kernel, at(kernel, 'keyboard_notifier_list') + 8n, at(kernel, 'empty_zero_page') + 64n),
      whole(kernel, at(kernel, 'empty_zero_page') + 64n, at(kernel, 'nf_conntrack_in')),
    ],
    row: { kind: 'notifier', name: 'keyboard', index: 0, symbol: 'nf_conntrack_in', module: 'nf_conntrack' },
  },
  'a list of /proc/net that another function shows': {
    change: (kernel) => [whole(kernel, at(kernel, 'tcp4_seq_ops') + 24n, NOWHERE)],
    row: { kind: 'seq_operations', name: '/proc/net/tcp show', symbol: null },
  },
  'a line discipline that receives elsewhere': {
    change: (kernel) => [whole(kernel, receiver(kernel), NOWHERE)],
    row: { kind: 'tty discipline', name: 'n_tty receive_buf', symbol: null },
  },
  'a security module whose function is another': {
    change: (kernel) => [firstOnList(kernel, 'cap_bprm_creds_from_file')],
    row: { kind: 'lsm', module: 'nf_conntrack', symbol: 'nf_conntrack_in' },
  },
}

/** Where the table of the usual line discipline has the function that receives. */
function receiver(kernel: Kernel): bigint {
  return wordAt(kernel, 'n_tty_ops', 'n_tty_receive_buf')
}

function wordAt(kernel: Kernel, table: string, symbol: string): bigint {
  const code = kernel
    .at([at(kernel, table)], 'char')
    .select({ code: bytes('', { length: 512 }) })
    .column('code')
    .bytes(0)
  const view = new DataView((code ?? new Uint8Array()).slice().buffer)
  const found = Array.from({ length: 64 }, (_, word) => word).find(
    (word) => view.getBigUint64(word * 8, true) === at(kernel, symbol),
  )
  return at(kernel, table) + BigInt((found ?? 0) * 8)
}

/** The capabilities' hooks lie one after another. */
function firstOnList(kernel: Kernel, symbol: string): Patch {
  const code = kernel
    .at([at(kernel, 'capability_hooks')], 'char')
    .select({ code: bytes('', { length: 720 }) })
    .column('code')
    .bytes(0)
  const view = new DataView((code ?? new Uint8Array()).slice().buffer)
  const found = Array.from({ length: 90 }, (_, word) => word).find(
    (word) => view.getBigUint64(word * 8, true) === at(kernel, symbol),
  )
  return whole(kernel, at(kernel, 'capability_hooks') + BigInt((found ?? 0) * 8), at(kernel, 'nf_conntrack_in'))
}

for (const name of ['docker-debian12', 'k8s-debian13']) {
  const image = sharedImage(name)
  describe(`a copy of ${image.title} in which pointers and code were changed`, () => {
    image.require()
    const copy = patchedCopy(image, (kernel) => Object.values(CHANGES).flatMap(({ change }) => change(kernel)))
    const rows = { suspicious: null as Row[] | null }
    const suspicious = () => {
      rows.suspicious ??= table('kernel-hooks', copy.path, '--suspicious').rows
      return rows.suspicious
    }

    it.each(Object.entries(CHANGES))('shows %s', (_, { row }) => {
      expect(suspicious()).toContainEqual(expect.objectContaining({ ...row, suspicious: true }))
    })

    it('shows nothing else', () => {
      // Open terminals show their discipline's function once more, and a static call jumps to what it did before.
      const known = Object.values(CHANGES).map(({ row }) => row)
      const rest = suspicious().filter(
        (row) => row.kind !== 'tty' && !/ trampoline$/.test(`${row.name}`) && !known.some((one) => matches(row, one)),
      )
      expect(rest).toEqual([])
    })
  })
}

function matches(row: Row, wanted: Row): boolean {
  try {
    expect(row).toMatchObject(wanted)
    return true
  } catch {
    return false
  }
}
