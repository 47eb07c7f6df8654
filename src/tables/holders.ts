/** Columns of objects that processes hold by descriptors: one of the holders, and all of them. */

import { list } from '../api/columns.js'
import type { Holder } from '../kernel/bpf/holders.js'
import type { Kernel } from '../kernel/kernel.js'
import { type Member, memberColumns, readMembers } from './members.js'

/** Whose descriptor holds an object. */
export const holderColumns = {
  ...memberColumns,
  holders: list('Every descriptor that holds it: pid, name of the process, fd', { detail: true }),
}

/** The first process that holds an object, all null where none does, and every descriptor in words. */
export type HolderRow = Member & { holders: string[] }

const NOBODY: Member = { pid: null, comm: null, container: null, container_name: null, pod: null }

/** What the columns say of some holders. */
export function holderRow(kernel: Kernel, holders: readonly Holder[] = []): HolderRow {
  const members = readMembers(kernel)
  const known = holders.map(({ task, fd }) => ({ fd, member: members.get(task) ?? NOBODY }))
  return {
    ...(known[0]?.member ?? NOBODY),
    holders: known.map(({ fd, member }) => `${member.pid ?? '?'} ${member.comm ?? '?'} fd ${fd}`),
  }
}
