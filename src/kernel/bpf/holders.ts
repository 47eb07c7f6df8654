/** Descriptors of BPF objects, perf events and sockets: what a `struct file` of each kind holds in `private_data`. */

import { append } from '../../append.js'
import type { Kernel } from '../kernel.js'
import { TASK_STRUCT } from '../objects.js'
import { array, index, type Nested } from '../query.js'
import { taskViews } from '../task-views.js'

/** Operations of the files that are looked for; from 6.11 on some links have their own. */
const OPERATIONS = {
  program: ['bpf_prog_fops'],
  map: ['bpf_map_fops'],
  link: ['bpf_link_fops', 'bpf_link_fops_poll'],
  perf_event: ['perf_fops'],
  socket: ['socket_file_ops'],
} as const

/** What a descriptor may hold. */
export type Held = keyof typeof OPERATIONS

/** A descriptor that holds an object. */
export interface Holder {
  /** A task of the process: its leader, unless only another thread has the descriptor. */
  task: bigint
  fd: number
}

/** By the object's address, lowest process first. */
export type Holders = ReadonlyMap<bigint, readonly Holder[]>

const FILES = {
  walk: array('files->fdt->fd', { count: 'files->fdt->max_fds', pointers: true, type: 'struct file' }),
  select: { fd: index(), operations: 'f_op', object: 'private_data' },
} satisfies Nested

/** What descriptors hold: objects by kind, with their holders, and the operations of all open files. */
export type Descriptors = Readonly<Record<Held, Holders>> & { readonly operations: ReadonlySet<bigint> }

/** Who holds objects by descriptors; read once per image. */
export function readHolders(kernel: Kernel): Descriptors {
  return kernel.once(readEveryHolder)
}

function readEveryHolder(kernel: Kernel): Descriptors {
  const kinds = Object.entries(OPERATIONS).flatMap(([kind, symbols]) =>
    symbols.map((symbol) => [kernel.address(symbol), kind as Held] as const),
  )
  const kindOf = new Map(kinds)
  const found: Record<Held, Map<bigint, Holder[]>> = {
    program: new Map(),
    map: new Map(),
    link: new Map(),
    perf_event: new Map(),
    socket: new Map(),
  }
  const operations = new Set<bigint>()
  const owners = kernel.at(tableOwners(kernel), TASK_STRUCT).select({}, { files: FILES })
  const files = owners.child('files')
  for (let row = 0; row < files.length; row++) {
    const called = files.column('operations').bigint(row)
    if (called !== null && called !== 0n) operations.add(called)
    const kind = kindOf.get(called)
    const object = files.column('object').bigint(row)
    if (kind === undefined || object === null || object === 0n) continue
    append(found[kind], object, {
      task: owners.address(files.parents[row] ?? 0),
      fd: files.column('fd').number(row) ?? -1,
    })
  }
  return { ...found, operations }
}

/** A task for each table of descriptors, which threads mostly share; leaders and low ids first. */
function tableOwners(kernel: Kernel): bigint[] {
  const batch = kernel
    .at(taskViews(kernel).live.keys(), TASK_STRUCT)
    .select({ tid: 'pid', pid: 'tgid', files: 'files' })
  const value = (name: 'tid' | 'pid', row: number) => batch.column(name).number(row) ?? 0
  const isThread = (row: number) => (value('tid', row) === value('pid', row) ? 0 : 1)
  const rows = [...batch.addresses.keys()].sort(
    (left, right) =>
      isThread(left) - isThread(right) ||
      value('pid', left) - value('pid', right) ||
      value('tid', left) - value('tid', right),
  )
  const owners = new Map<bigint, bigint>()
  for (const row of rows) {
    const files = batch.column('files').bigint(row)
    if (files !== null && files !== 0n && !owners.has(files)) owners.set(files, batch.address(row))
  }
  return [...owners.values()]
}
