/** Tracepoints of the kernel and its modules, with the probes that are called at each (kernel/tracepoint.c). */

import type { Kernel } from './kernel.js'
import { array, bytes, index, text } from './query.js'

const TRACEPOINT = 'struct tracepoint'
/** Bytes of a section of pointers to tracepoints, however damaged its ends. */
const MOST_BYTES = 1 << 17
/** Probes of one tracepoint; more were made to exhaust memory. */
const MOST_PROBES = 64

/** A function that is called at a tracepoint. */
export interface Probe {
  tracepoint: string | null
  /** Address of the `struct tracepoint`. */
  at: bigint
  /** Address of the `struct tracepoint_func`. */
  address: bigint
  function: bigint
  /** What it is called with: a BPF program or link, a trace event, an ftrace instance. */
  data: bigint
  priority: number | null
}

/** Every probe that is registered; read once per image. */
export function readProbes(kernel: Kernel): readonly Readonly<Probe>[] {
  return kernel.once(readEveryProbe)
}

function readEveryProbe(kernel: Kernel): Probe[] {
  const addresses = [...ownTracepoints(kernel), ...moduleTracepoints(kernel)]
  const all = kernel.at(addresses, TRACEPOINT).select({ functions: 'funcs' })
  const probed = all.addresses.filter((_, row) => (all.column('functions').bigint(row) ?? 0n) !== 0n)
  // How many there are is told by the last, which has no function.
  const probes = {
    walk: array('funcs', { count: MOST_PROBES }),
    select: { place: index(), function: 'func', data: 'data', priority: 'prio' },
  }
  const batch = kernel
    .leftovers()
    .at(probed, TRACEPOINT)
    .select({ name: text('name', 256) }, { probes })
  const found = batch.child('probes')
  const result: Probe[] = []
  const ended = new Set<number>()
  for (let row = 0; row < found.length; row++) {
    const parent = found.parents[row] ?? 0
    const call = found.column('function').bigint(row) ?? 0n
    if (call === 0n) ended.add(parent)
    if (ended.has(parent)) continue
    result.push({
      tracepoint: batch.column('name').text(parent),
      at: batch.address(parent),
      address: found.address(row),
      function: call,
      data: found.column('data').bigint(row) ?? 0n,
      priority: found.column('priority').number(row),
    })
  }
  return result
}

function ownTracepoints(kernel: Kernel): bigint[] {
  const [start] = kernel.addresses('__start___tracepoints_ptrs')
  const [stop] = kernel.addresses('__stop___tracepoints_ptrs')
  const size = start === undefined || stop === undefined || stop < start ? 0n : stop - start
  const length = kernel.capped("bytes of the kernel's tracepoints", Number(size), MOST_BYTES)
  const section = kernel
    .at(start === undefined ? [] : [start], 'char')
    .select({ pointers: bytes('', { length, max: MOST_BYTES }) })
  return section.length === 0 ? [] : pointed(kernel, section.column('pointers').bytes(0), section.address(0))
}

function moduleTracepoints(kernel: Kernel): bigint[] {
  const modules = kernel.list('modules', 'struct module', 'list').select({
    start: 'tracepoints_ptrs',
    pointers: bytes('tracepoints_ptrs', { length: 'num_tracepoints << 2', max: MOST_BYTES }),
  })
  return Array.from({ length: modules.length }, (_, row) =>
    pointed(kernel, modules.column('pointers').bytes(row), modules.column('start').bigint(row) ?? 0n),
  ).flat()
}

/**
 * Where the entries of a section lead. From 4.19 on each is the distance from itself, in 32 bits, where the architecture
 * has such relocations.
 */
function pointed(kernel: Kernel, section: Uint8Array | null, start: bigint): bigint[] {
  if (section === null || start === 0n) return []
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength)
  const entries = Math.floor(section.byteLength / 4)
  const found = Array.from({ length: entries }, (_, entry) =>
    BigInt.asUintN(64, start + BigInt(entry * 4) + BigInt(view.getInt32(entry * 4, true))),
  )
  // What an entry leads to lies in the kernel's or the module's own data.
  const sound = kernel.resolve(found)
  const kept = found.filter((_, entry) => sound[entry] !== null)
  const lost = found.length - kept.length
  if (lost > 0)
    kernel.warn({ code: 'torn', message: 'a tracepoint lies in no data of the kernel or of a module', count: lost })
  return kept
}
