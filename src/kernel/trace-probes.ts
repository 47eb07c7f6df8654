/** Kprobes and uprobes that are trace events: of tracefs and of perf (kernel/trace/trace_kprobe.c, trace_uprobe.c). */

import type { Kernel } from './kernel.js'
import { firstOf, list, type Nested, object, optional, symbolAt, text } from './query.js'

const CALL = 'struct trace_event_call'
const kprobe = (path: string) => `container_of(, struct trace_kprobe, tp)->${path}`
const uprobe = (path: string) => `container_of(, struct trace_uprobe, tp)->${path}`

/** Which functions print an event tells what it is. */
const KINDS: Readonly<Record<string, string>> = {
  kprobe_funcs: 'kprobe',
  kretprobe_funcs: 'kretprobe',
  fentry_funcs: 'fprobe',
  fexit_funcs: 'fprobe return',
  uprobe_funcs: 'uprobe',
}

/** The variable of a tracepoint. */
const TRACEPOINT = /^__tracepoint_(\w+)/

/** A `struct trace_event_call`. */
export interface TraceEvent {
  address: bigint
  /** `tracepoint`, `kprobe`, `kretprobe`, `uprobe`, `fprobe`. */
  kind: string
  system: string | null
  name: string | null
  /** Where it probes: `do_unlinkat+0x0`, `/usr/bin/bash+0x3a1c`; null for a tracepoint. */
  target: string | null
  /** Address of the probed instruction in the kernel. */
  probed: bigint | null
}

/** An event of several probes has a list of them, from 5.5 on. */
const PROBES = {
  walk: firstOf(
    list('container_of(, struct trace_probe_event, call)->probes', 'struct trace_probe', 'list'),
    object('container_of(, struct trace_probe, call)'),
  ),
  select: {
    symbol: optional(text(kprobe('symbol'), 256)),
    offset: optional(kprobe('rp.kp.offset')),
    address: optional(kprobe('rp.kp.addr')),
  },
} satisfies Nested

const USER_PROBES = {
  walk: PROBES.walk,
  select: { file: optional(text(uprobe('filename'), 4096)), offset: optional(uprobe('offset')) },
} satisfies Nested

/** Trace events at known addresses. */
export function readTraceEvents(kernel: Kernel, calls: Iterable<bigint>): Map<bigint, TraceEvent> {
  const events = new Map<bigint, TraceEvent>()
  const batch = kernel.at(new Set(calls), CALL).select({
    functions: symbolAt('event.funcs'),
    tracepoint: symbolAt('tp'),
    system: text('class->system', 256),
  })
  for (let row = 0; row < batch.length; row++) {
    const kind = KINDS[batch.column('functions').text(row) ?? ''] ?? 'tracepoint'
    const system = batch.column('system').text(row)
    events.set(batch.address(row), {
      address: batch.address(row),
      kind,
      system,
      name: TRACEPOINT.exec(batch.column('tracepoint').text(row) ?? '')?.[1] ?? null,
      target: null,
      probed: null,
    })
  }
  const of = (kinds: readonly string[]) => [...events.values()].filter(({ kind }) => kinds.includes(kind))
  // What has no tracepoint of its own, as a system call's event has none, has its name in that place.
  nameEvents(
    kernel,
    [...events.values()].filter(({ name }) => name === null),
  )
  findKernelProbes(kernel, of(['kprobe', 'kretprobe', 'fprobe', 'fprobe return']))
  findUserProbes(kernel, of(['uprobe']))
  return events
}

function nameEvents(kernel: Kernel, events: readonly TraceEvent[]): void {
  const batch = kernel.at(addressesOf(events), CALL).select({ name: text('name', 256) })
  events.forEach((event, row) => {
    event.name = batch.column('name').text(row)
  })
}

function findKernelProbes(kernel: Kernel, events: readonly TraceEvent[]): void {
  const batch = kernel.ofKindsItHas().at(addressesOf(events), CALL).select({}, { probes: PROBES })
  const probes = batch.child('probes')
  for (let row = 0; row < probes.length; row++) {
    const event = events[probes.parents[row] ?? 0]
    const [symbol, offset] = [probes.column('symbol').text(row), probes.column('offset').number(row)]
    const address = probes.column('address').bigint(row)
    if (event === undefined || event.kind.startsWith('fprobe')) continue
    event.probed ??= address
    const at =
      symbol === null
        ? address === null
          ? '?'
          : `0x${address.toString(16)}`
        : `${symbol}+0x${(offset ?? 0).toString(16)}`
    event.target = event.target === null ? at : `${event.target} ${at}`
  }
}

function findUserProbes(kernel: Kernel, events: readonly TraceEvent[]): void {
  const batch = kernel.ofKindsItHas().at(addressesOf(events), CALL).select({}, { probes: USER_PROBES })
  const probes = batch.child('probes')
  for (let row = 0; row < probes.length; row++) {
    const event = events[probes.parents[row] ?? 0]
    if (event === undefined) continue
    const at = `${probes.column('file').text(row) ?? '?'}+0x${(probes.column('offset').number(row) ?? 0).toString(16)}`
    event.target = event.target === null ? at : `${event.target} ${at}`
  }
}

function addressesOf(events: readonly TraceEvent[]): bigint[] {
  return events.map(({ address }) => address)
}
