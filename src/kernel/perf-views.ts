/** Who knows of perf events: descriptors, the tasks that opened them, and the tasks that they count. */

import { readHolders } from './bpf/holders.js'
import type { Kernel } from './kernel.js'
import { TASK_STRUCT } from './objects.js'
import { list, type Nested, optional } from './query.js'
import { taskViews } from './task-views.js'

/** A view that knows a perf event. */
export type PerfView = 'descriptor' | 'owner' | 'task'

const PERF_EVENT = 'struct perf_event'

/** What a task has opened names it in turn. */
const OPENED = {
  walk: list('perf_event_list', PERF_EVENT, 'owner_entry'),
  rules: [{ path: 'owner', is: 'origin' }],
  select: {},
} satisfies Nested

/** Perf events by address, with the views that know each. */
export function knownPerfEvents(kernel: Kernel): Map<bigint, PerfView[]> {
  const views = new Map<bigint, PerfView[]>()
  const see = (addresses: Iterable<bigint>, view: PerfView) => {
    for (const address of new Set(addresses)) views.set(address, [...(views.get(address) ?? []), view])
  }
  see(readHolders(kernel).perf_event.keys(), 'descriptor')
  const tasks = kernel
    .ofKindsItHas()
    .at(taskViews(kernel).live.keys(), TASK_STRUCT)
    // A context for hardware and one for software, from 6.2 on one for both.
    .select(
      {
        context: ['perf_event_ctxp', 'perf_event_ctxp[perf_hw_context]'],
        software: optional('perf_event_ctxp[perf_sw_context]'),
      },
      { opened: OPENED },
    )
  see(tasks.child('opened').addresses, 'owner')
  const contexts = new Set<bigint>()
  for (let row = 0; row < tasks.length; row++) {
    for (const column of ['context', 'software'] as const) contexts.add(tasks.column(column).bigint(row) ?? 0n)
  }
  contexts.delete(0n)
  const counting = kernel
    .at(contexts, 'struct perf_event_context')
    .walk(list('event_list', PERF_EVENT, 'event_entry'))
    .obeying([{ path: 'ctx', is: 'origin' }])
    .select({})
  see(counting.addresses, 'task')
  return views
}
