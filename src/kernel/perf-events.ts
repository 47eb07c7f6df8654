/** `struct perf_event`: counters, samplers, breakpoints and probes that somebody has opened (kernel/events/core.c). */

import type { Kernel } from './kernel.js'
import { array, constantName, type Nested } from './query.js'
import { readTraceEvents } from './trace-probes.js'

const PERF_EVENT = 'struct perf_event'
/** BPF_TRACE_MAX_PROGS (kernel/trace/bpf_trace.c). */
const MOST_PROGRAMS = 64

/** A perf event. */
export interface PerfEvent {
  address: bigint
  /** `hardware`, `software`, `tracepoint`, `hw_cache`, `raw`, `breakpoint`, `kprobe`, `uprobe`, or a PMU's number. */
  type: string | null
  config: bigint | null
  /** What it is at, in words. */
  name: string | null
  /** The address that a breakpoint or a kprobe watches. */
  watched: bigint | null
  /** -1 where it follows a task over all processors. */
  cpu: number | null
  /** The task that opened it, and that which it counts. */
  owner: bigint | null
  target: bigint | null
  /** BPF programs that it runs. */
  programs: bigint[]
}

const MEMBERS = {
  type: constantName('attr.type', 'enum perf_type_id'),
  config: 'attr.config',
  watched: 'attr.bp_addr',
  cpu: 'cpu',
  owner: 'owner',
  target: 'ctx->task',
  program: 'prog',
  call: 'tp_event',
} as const

/** Programs that run whenever a trace event's probe is hit; the last entry is NULL. */
const PROGRAMS = {
  walk: array('tp_event->prog_array->items', { count: MOST_PROGRAMS }),
  select: { program: 'prog' },
} satisfies Nested

/** Perf events at known addresses, in their order. */
export function readPerfEvents(kernel: Kernel, addresses: Iterable<bigint>): PerfEvent[] {
  // Behind the last program of an array is what was there before.
  const batch = kernel.leftovers().at(addresses, PERF_EVENT).select(MEMBERS, { programs: PROGRAMS })
  const programs = programsOf(kernel, batch.child('programs'))
  const calls = Array.from({ length: batch.length }, (_, row) => batch.column('call').bigint(row) ?? 0n)
  const events = readTraceEvents(
    kernel,
    calls.filter((call) => call !== 0n),
  )
  return Array.from({ length: batch.length }, (_, row) => {
    const event = events.get(calls[row] ?? 0n)
    const constant = batch.column('type').text(row)
    const own = batch.column('program').bigint(row) ?? 0n
    const type = constant?.replace(/^PERF_TYPE_/, '').toLowerCase() ?? null
    const watched = type === 'breakpoint' ? batch.column('watched').bigint(row) : (event?.probed ?? null)
    return {
      address: batch.address(row),
      type: event === undefined ? type : event.kind,
      config: batch.column('config').bigint(row),
      name: event === undefined ? type : wordsOf(event),
      watched,
      cpu: batch.column('cpu').number(row),
      owner: batch.column('owner').bigint(row),
      target: batch.column('target').bigint(row),
      programs: [...new Set([...(own === 0n ? [] : [own]), ...(programs.get(row) ?? [])])],
    }
  })
}

/** What each perf event is at, in words, by its address. */
export function perfEventWords(kernel: Kernel, addresses: readonly bigint[]): Map<bigint, string | null> {
  return new Map(readPerfEvents(kernel, addresses).map(({ address, name }) => [address, name]))
}

function wordsOf({
  kind,
  system,
  name,
  target,
}: {
  kind: string
  system: string | null
  name: string | null
  target: string | null
}): string {
  return target === null ? `${kind} ${system ?? '?'}:${name ?? '?'}` : `${kind} ${target}`
}

interface ProgramRows {
  readonly length: number
  readonly parents: Uint32Array
  column(name: 'program'): { bigint(row: number): bigint | null }
}

function programsOf(kernel: Kernel, rows: ProgramRows): Map<number, bigint[]> {
  const [placeholder] = kernel.addresses('dummy_bpf_prog')
  const programs = new Map<number, bigint[]>()
  const ended = new Set<number>()
  for (let row = 0; row < rows.length; row++) {
    const parent = rows.parents[row] ?? 0
    const program = rows.column('program').bigint(row) ?? 0n
    if (program === 0n) ended.add(parent)
    if (ended.has(parent) || program === placeholder) continue
    programs.set(parent, [...(programs.get(parent) ?? []), program])
  }
  return programs
}
