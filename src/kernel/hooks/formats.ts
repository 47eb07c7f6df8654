/** Formats of programs: functions that load and dump them (fs/exec.c). */

import type { Kernel } from '../kernel.js'
import { list, obeys } from '../query.js'
import type { Pointer } from './pointer.js'

const MEMBERS = ['load_binary', 'core_dump'] as const

const LIST_HEAD = 'struct list_head'
/** The first and the last on a list lead back to its head. */
const IS_HEAD = obeys([
  { path: 'next->prev', is: 'own' },
  { path: 'prev->next', is: 'own' },
])

/** Where the list begins: drivers that are built in have tables that are called `formats` too. */
function formatsHead(kernel: Kernel): bigint[] {
  const first = kernel.addresses('formats')
  const isHead = (addresses: Iterable<bigint>) =>
    [...kernel.unheard().at(addresses, LIST_HEAD).select({ sound: IS_HEAD })].find(({ sound }) => sound === 1)
  if (isHead(first) !== undefined) return first
  const { addresses, names, modules } = kernel.symbols()
  const others = names.flatMap((name, at) => (name === 'formats' && modules[at] === null ? [addresses[at] ?? 0n] : []))
  const head = isHead(others)
  return head === undefined ? first : [head.address]
}

export function formatPointers(kernel: Kernel): Pointer[] {
  const formats = kernel
    .at(formatsHead(kernel), LIST_HEAD)
    .walk(list('', 'struct linux_binfmt', 'lh'))
    .select({ module: 'module', load_binary: 'load_binary', core_dump: 'core_dump' })
  return Array.from({ length: formats.length }, (_, row) =>
    MEMBERS.map((member) => ({
      kind: 'binary format',
      name: member,
      index: row,
      address: formats.column(member).bigint(row) ?? 0n,
      owner: formats.column('module').bigint(row) === 0n ? ('kernel' as const) : null,
    })),
  ).flat()
}
