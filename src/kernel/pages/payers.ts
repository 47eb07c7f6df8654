/** `struct mem_cgroup`: who pays for memory (mm/memcontrol.c). */

import { CSS_ONLINE } from '../cgroups.js'
import type { Kernel } from '../kernel.js'
import { kernfsPath } from '../query.js'

/** A memory cgroup. */
export interface Payer {
  /** Its path in the hierarchy; kept as long as anything is charged to it, whoever has removed its directory. */
  cgroup: string | null
  /** Inode of its directory. */
  id: number | bigint | null
  /** False where it was removed and only waits for its pages. */
  online: boolean | null
}

/** Memory cgroups by their addresses. */
export function readPayers(kernel: Kernel, addresses: Iterable<bigint>): Map<bigint, Payer> {
  // Its css is its first member, and is there in kernels that know no memory cgroups, too.
  const payers = kernel.at(new Set(addresses), 'struct cgroup_subsys_state').select({
    cgroup: kernfsPath('cgroup->kn'),
    id: ['cgroup->kn->id.ino', 'cgroup->kn->id'],
    flags: 'flags',
  })
  return new Map(
    Array.from({ length: payers.length }, (_, row) => {
      const flags = payers.column('flags').number(row)
      const payer = {
        cgroup: payers.column('cgroup').text(row),
        id: payers.column('id').exact(row),
        online: flags === null ? null : (flags & CSS_ONLINE) !== 0,
      }
      return [payers.address(row), payer]
    }),
  )
}
