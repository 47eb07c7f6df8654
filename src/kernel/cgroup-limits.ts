/** What a cgroup may use and uses of memory and processes (mm/memcontrol.c, kernel/cgroup/pids.c). */

import type { Kernel } from './kernel.js'
import { optional } from './query.js'

/** PIDS_MAX (kernel/cgroup/pids.c) is PID_MAX_LIMIT + 1 with 64 bits, and stands for no limit. */
const PIDS_MAX = (4n << 20n) + 1n
/** PAGE_COUNTER_MAX (include/linux/page_counter.h) is LONG_MAX in pages, and stands for no limit. */
const LONG_MAX = (1n << 63n) - 1n

// A css is the first member of its controller's own struct.
const memory = (member: string) => `((struct mem_cgroup *)subsys[memory_cgrp_id])->memory.${member}`
const pids = (member: string) => `((struct pids_cgroup *)subsys[pids_cgrp_id])->${member}`

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
    memory_max: optional(memory('max')),
    memory_used: optional(memory('usage.counter')),
    pids_max: optional([pids('limit.counter'), pids('limit')]),
    pids_used: optional(pids('counter.counter')),
  })
  const page = BigInt(kernel.info.page_size)
  const bytes = (pages: bigint | null) => (pages === null ? null : pages * page)
  const limit = (value: bigint | null, none: bigint) => (value === null || value >= none ? null : value)
  return new Map(
    Array.from({ length: read.length }, (_, row) => [
      read.address(row),
      {
        memory_limit: bytes(limit(read.column('memory_max').bigint(row), LONG_MAX / page)),
        memory_used: bytes(read.column('memory_used').bigint(row)),
        pids_limit: limit(read.column('pids_max').bigint(row), PIDS_MAX),
        pids_used: read.column('pids_used').bigint(row),
      },
    ]),
  )
}
