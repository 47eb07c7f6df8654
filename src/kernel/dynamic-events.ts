/** Trace events that somebody made: kprobes, uprobes and fprobes of tracefs and of perf (kernel/trace/trace_dynevent.c). */

import { readHolders } from './bpf/holders.js'
import type { Kernel } from './kernel.js'
import { list } from './query.js'
import { readTraceEvents, type TraceEvent } from './trace-probes.js'

const CALL = 'struct trace_event_call'
/** Trace events that are looked at; a kernel with all its modules has some 3000. */
const MOST_EVENTS = 1 << 17

/** A trace event that is no tracepoint's, with who knows it. */
export interface DynamicEvent extends TraceEvent {
  found_by: ('event list' | 'perf event')[]
  /** Perf events that use it. */
  users: number | null
}

/** All of them, those of tracefs first. */
export function readDynamicEvents(kernel: Kernel): DynamicEvent[] {
  const listed = kernel
    .at(kernel.addresses('ftrace_events'), 'struct list_head')
    .walk(list('', CALL, 'list'))
    .most(MOST_EVENTS)
    .select({}).addresses
  const opened = kernel.at(readHolders(kernel).perf_event.keys(), 'struct perf_event').select({ call: 'tp_event' })
  const used = Array.from({ length: opened.length }, (_, row) => opened.column('call').bigint(row) ?? 0n)
  const [onList, inUse] = [new Set(listed), new Set(used.filter((call) => call !== 0n))]
  const made = [...readTraceEvents(kernel, [...onList, ...inUse]).values()].filter(({ kind }) => kind !== 'tracepoint')
  const users = kernel
    .at(
      made.map(({ address }) => address),
      CALL,
    )
    .select({ users: 'perf_refcount' })
  return made.map((event, row) => ({
    ...event,
    users: users.column('users').number(row),
    found_by: [
      ...(onList.has(event.address) ? (['event list'] as const) : []),
      ...(inUse.has(event.address) ? (['perf event'] as const) : []),
    ],
  }))
}
