/** Probes: ftrace, kprobes, tracepoints and perf events, each with the function that it calls. */

import { readHolders } from '../bpf/holders.js'
import type { Kernel } from '../kernel.js'
import { hash, symbolAt } from '../query.js'
import { readProbes } from '../tracepoints.js'
import type { Pointer } from './pointer.js'
import { chained } from './tables.js'

/** KPROBE_TABLE_SIZE (kernel/kprobes.c). */
const KPROBES = 64

/** Functions of the kernel are traced by the kernel: what leads into a module is what a rootkit does, or a live patch. */
export function ftracePointers(kernel: Kernel): Pointer[] {
  const ops = chained(kernel, 'ftrace_ops_list', 'struct ftrace_ops', {
    function: 'func',
    name: symbolAt('container_of(, struct ftrace_ops, func)'),
  })
  return Array.from({ length: ops?.length ?? 0 }, (_, row) => ({
    kind: 'ftrace',
    name: ops?.column('name').text(row) ?? null,
    index: row,
    address: ops?.column('function').bigint(row) ?? 0n,
    owner: 'kernel' as const,
  }))
}

export function kprobePointers(kernel: Kernel): Pointer[] {
  const probes = kernel
    .at(kernel.addresses('kprobe_table'), 'struct hlist_head')
    .walk(hash('', 'struct kprobe', 'hlist', { count: KPROBES }))
    .select({ name: symbolAt('addr'), before: 'pre_handler', after: 'post_handler' })
  return Array.from({ length: probes.length }, (_, row) =>
    (['before', 'after'] as const).map((member) => ({
      kind: 'kprobe',
      name: `${probes.column('name').text(row) ?? '?'} ${member}`,
      index: null,
      address: probes.column(member).bigint(row) ?? 0n,
      owner: 'kernel' as const,
    })),
  ).flat()
}

export function tracepointPointers(kernel: Kernel): Pointer[] {
  return readProbes(kernel).map(({ tracepoint, function: address, priority }) => ({
    kind: 'tracepoint',
    name: tracepoint,
    index: priority,
    address,
    owner: null,
  }))
}

export function perfPointers(kernel: Kernel): Pointer[] {
  const events = kernel
    .at(readHolders(kernel).perf_event.keys(), 'struct perf_event')
    .select({ overflow: 'overflow_handler', destroy: 'destroy' })
  return Array.from({ length: events.length }, (_, row) =>
    (['overflow', 'destroy'] as const).map((member) => ({
      kind: 'perf',
      name: member,
      index: row,
      address: events.column(member).bigint(row) ?? 0n,
      owner: null,
    })),
  ).flat()
}
