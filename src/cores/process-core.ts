/** What of a process goes into its core file. */

import type { ArtifactWriter } from '../api/artifacts.js'
import type { Kernel } from '../kernel/kernel.js'
import { type Mapping, readMappings } from '../kernel/mappings.js'
import { mostMemory } from '../kernel/memory-copy.js'
import { TASK_STRUCT } from '../kernel/objects.js'
import { bytes, optional } from '../kernel/query.js'
import type { Task } from '../kernel/tasks.js'
import { ProcessMemory } from '../kernel/user-memory.js'
import { readUserRegisters } from '../kernel/user-registers.js'
import { type CoreContents, type CoreMapping, writeCore } from './core-file.js'
import {
  auxiliaryNote,
  type CoreFile,
  type CoreMachine,
  type CoreThread,
  filesNote,
  MACHINES,
  processNote,
  threadNote,
} from './notes.js'

/** AT_VECTOR_SIZE is below a hundred words. */
const LONGEST_VECTOR = 4096
/** Of user memory: what lies above is the kernel's. */
const END_OF_USER = 1n << 56n

/** A process with its threads, and all that is read of them. */
export interface CoreSource {
  readonly leader: Task
  readonly mappings: readonly Mapping[]
  /** Threads whose registers nobody saved: they ran. */
  readonly running: number
  write(writer: ArtifactWriter): CoreContents
}

/** Processes by their leaders, with all tasks that there are. Those without memory of their own are left out. */
export function readCoreSources(kernel: Kernel, leaders: readonly Task[], tasks: readonly Task[]): CoreSource[] {
  const machine = MACHINES[kernel.info.architecture]
  if (machine === undefined) throw new Error(`no core files are written of ${kernel.info.architecture}`)
  const pids = new Set(leaders.map(({ pid }) => pid))
  const threads = readThreads(
    kernel,
    tasks.filter(({ pid }) => pids.has(pid)),
  )
  const addresses = leaders.map(({ address }) => address)
  const own = kernel.at(addresses, TASK_STRUCT).select({
    mm: 'mm',
    vector: bytes('mm->saved_auxv', { max: LONGEST_VECTOR }),
  })
  const mappings = readMappings(kernel, addresses)
  const most = mostMemory(kernel)
  return leaders.flatMap((leader, row): CoreSource[] => {
    const mm = own.column('mm').bigint(row)
    if (!mm) return []
    const mapped = mappings.filter(({ task, end }) => task === leader.address && (end ?? END_OF_USER) < END_OF_USER)
    const group = threads.filter(({ pid }) => pid === leader.pid)
    const notes = notesOf(leader, group, own.column('vector').bytes(row), {
      machine,
      files: filesOf(mapped),
      pageSize: BigInt(kernel.info.page_size),
    })
    const memory = ProcessMemory.at(kernel, mm, [])
    const running = group.filter((thread) => thread.running).length
    const write = (to: ArtifactWriter) =>
      writeCore(to, memory, { machine: machine.number, mappings: mapped.flatMap(areaOf), notes, most })
    return [{ leader, mappings: mapped, running, write }]
  })
}

interface Thread extends CoreThread {
  readonly pid: number | null
  readonly running: boolean
}

function readThreads(kernel: Kernel, tasks: readonly Task[]): Thread[] {
  const addresses = tasks.map(({ address }) => address)
  const registers = new Map(readUserRegisters(kernel, addresses).map((one) => [one.task, one]))
  const bases = kernel.at(addresses, TASK_STRUCT).select({
    fs: optional('thread.fsbase'),
    gs: optional('thread.gsbase'),
  })
  return tasks.map(({ address, tid, pid, ppid }, row) => ({
    pid,
    tid: tid ?? 0,
    parent: ppid ?? 0,
    running: registers.get(address)?.running ?? false,
    registers: registers.get(address)?.all ?? null,
    fsBase: bases.column('fs').bigint(row) ?? 0n,
    gsBase: bases.column('gs').bigint(row) ?? 0n,
  }))
}

/** The leader first: a debugger takes the first thread for the one that matters. */
function notesOf(
  leader: Task,
  threads: readonly Thread[],
  vector: Uint8Array | null,
  { machine, files, pageSize }: { machine: CoreMachine; files: readonly CoreFile[]; pageSize: bigint },
): Buffer {
  const [first, others] = [
    threads.filter(({ tid }) => tid === leader.tid),
    threads.filter(({ tid }) => tid !== leader.tid),
  ]
  return Buffer.concat([
    ...first.map((thread) => threadNote(thread, machine)),
    processNote(describe(leader)),
    ...(vector === null ? [] : [auxiliaryNote(vector)]),
    filesNote(files, pageSize),
    ...others.map((thread) => threadNote(thread, machine)),
  ])
}

function describe({ pid, ppid, uid, gid, state, comm, args }: Task) {
  return {
    ...{ pid: pid ?? 0, parent: ppid ?? 0, uid: uid ?? 0, gid: gid ?? 0 },
    ...{ state: state ?? '?', name: comm ?? '', args: (args ?? []).join(' ') },
  }
}

/** PF_R, PF_W and PF_X (include/uapi/linux/elf.h). */
function areaOf({ start, end, permissions }: Mapping): CoreMapping[] {
  if (start === null || end === null || permissions === null || end <= start) return []
  const bits = [permissions.includes('r') ? 4 : 0, permissions.includes('w') ? 2 : 0, permissions.includes('x') ? 1 : 0]
  return [{ start, end, flags: bits.reduce((sum, bit) => sum + bit) }]
}

function filesOf(mappings: readonly Mapping[]): CoreFile[] {
  return mappings.flatMap(({ start, end, offset, path }) =>
    start === null || end === null || offset === null || path === null ? [] : [{ start, end, offset, path }],
  )
}
