/** Formats of programs: functions that load and dump them (fs/exec.c). */

import type { Kernel } from '../kernel.js'
import { list } from '../query.js'
import type { Pointer } from './pointer.js'

const MEMBERS = ['load_binary', 'core_dump'] as const

export function formatPointers(kernel: Kernel): Pointer[] {
  const formats = kernel
    .at(kernel.addresses('formats'), 'struct list_head')
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
