/** What a cgroup may use and uses of memory and processes (mm/memcontrol.c, kernel/cgroup/pids.c). */

import type { Kernel } from './kernel.js'
import { optional } from './query.js'

/** PIDS_MAX (kernel/cgroup/pids.c) is PID_MAX_LIMIT + 1 with 64 bits, and stands for no limit. */
const PIDS_MAX = (4n << 20n) + 1n
/** PAGE_COUNTER_MAX (include/linux/page_counter.h) is LONG_MAX in pages, and stands for no limit. */
const LONG_MAX = (1n << 63n) - 1n

// A css is the first member of its controller's own struct.
const memory = (member: string) => `((struct mem_cgroup *)subsys[memory_cgrp_id])->${member}`
const pids = (member: string) => `((struct pids_cgroup *)subsys[pids_cgrp_id])->${member}`
/** A css names its cgroup in turn (kernel/cgroup/cgroup.c, init_and_link_css()). */
const OWNER = 'css.cgroup'

/** Null where the cgroup has no such controller, or, of a limit, where there is none. */
export interface CgroupLimits {
  /** In bytes. */
  memory_limit: bigint | null
  /** In bytes. */
  memory_used: bigint | null
  pids_limit: bigint | null
  pids_used: bigint | null
}

/** Limits of cgroups, by their addresses. */
export function readCgroupLimits(kernel: Kernel, cgroups: Iterable<bigint>): Map<bigint, CgroupLimits> {
  const read = kernel.at(new Set(cgroups), 'struct cgroup').select({
    memory_of: optional(memory(OWNER)),
    pids_of: optional(pids(OWNER)),
    memory_max: optional(memory('memory.max')),
    memory_used: optional(memory('memory.usage.counter')),
    pids_max: optional([pids('limit.counter'), pids('limit')]),
    pids_used: optional(pids('counter.counter')),
  })
  const page = BigInt(kernel.info.page_size)
  const bytes = (pages: bigint | null) => (pages === null ? null : pages * page)
  const limit = (value: bigint | null, none: bigint) => (value === null || value >= none ? null : value)
  const strays = new Set<bigint>()
  const limits = new Map(
    Array.from({ length: read.length }, (_, row): [bigint, CgroupLimits] => {
      const address = read.address(row)
      // What a controller keeps is another's, or nobody's, once the cgroup has gone and its memory was used again.
      const isOwn = (controller: 'memory' | 'pids') => {
        const named = read.column(`${controller}_of`).bigint(row)
        if (named !== null && named !== address) strays.add(address)
        return named === address
      }
      const [ofMemory, ofPids] = [isOwn('memory'), isOwn('pids')]
      const value = (name: 'memory_max' | 'memory_used' | 'pids_max' | 'pids_used') =>
        (name.startsWith('memory') ? ofMemory : ofPids) ? read.column(name).bigint(row) : null
      return [
        address,
        {
          memory_limit: bytes(limit(value('memory_max'), LONG_MAX / page)),
          memory_used: bytes(value('memory_used')),
          pids_limit: limit(value('pids_max'), PIDS_MAX),
          pids_used: value('pids_used'),
        },
      ]
    }),
  )
  if (strays.size > 0) {
    const [first = 0n] = strays
    const message = 'what a controller keeps of a cgroup names another one: what it uses and may use is null'
    kernel.warn({ code: 'torn', message, count: strays.size, address: `0x${first.toString(16)}` })
  }
  return limits
}
