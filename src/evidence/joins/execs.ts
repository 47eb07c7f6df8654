/** Execs that the audit log knows, and the processes that were started in containers of pods from outside. */

import { append } from '../../append.js'
import { entryOf } from '../../findings/lineage.js'
import { isRuntimeStep } from '../../findings/runtime-copies.js'
import type { Origin } from '../read.js'
import type { EvidenceRecord, ExecRecord } from '../records.js'
import { Held, type Join, type JoinRow, lean, NOWHERE, saidOf } from './join.js'
import type { Memory, MemoryProcess } from './memory.js'

/** Milliseconds from a request to the process that it starts; clocks of server and node may differ. */
const BEFORE = 5_000
const AFTER = 30_000

interface Kept {
  readonly record: ExecRecord
  readonly origin: Origin
}

interface Log {
  readonly origin: Origin
  first: string
  last: string
  execs: number
}

export class ExecsJoin implements Join {
  private readonly kept = new Held<Kept>()
  /** The time that each file covers. */
  private readonly logs = new Map<string, Log>()

  constructor(private readonly memory: Memory) {}

  get leftOut(): number {
    return this.kept.leftOut
  }

  add(record: EvidenceRecord, origin: Origin): void {
    if (record.kind === 'covered') this.cover(record.time, origin)
    if (record.kind !== 'exec') return
    // A request is logged at each of its stages.
    const key = record.id ?? `${record.time} ${record.pod} ${record.command.join(' ')}`
    if (this.kept.get(key) !== undefined) return
    this.kept.set(key, { record: lean(record, this.kept.size), origin })
    const log = this.logs.get(origin.file)
    if (log !== undefined) log.execs++
  }

  private cover(time: string, origin: Origin): void {
    const log = this.logs.get(origin.file)
    if (log === undefined) this.logs.set(origin.file, { origin, first: time, last: time, execs: 0 })
    else if (time < log.first) log.first = time
    else if (time > log.last) log.last = time
  }

  *rows(): Generator<JoinRow> {
    const brought = this.broughtIn()
    const matched = new Set<MemoryProcess>()
    const execs = [...this.kept.values()].sort((one, other) => (one.record.time < other.record.time ? -1 : 1))
    for (const { record, origin } of execs) {
      if (!this.isHere(record)) continue
      const process = nearest(record, brought.get(record.pod) ?? [], matched, this.memory)
      if (process !== undefined) matched.add(process)
      yield this.execRow(record, origin, process)
    }
    for (const process of [...brought.values()].flat()) {
      if (!matched.has(process)) yield* this.unlogged(process)
    }
  }

  /** Processes of pods' containers that came from outside, by pod. */
  private broughtIn(): Map<string, MemoryProcess[]> {
    const found = new Map<string, MemoryProcess[]>()
    for (const process of this.memory.tables.processes) {
      const { pod } = this.memory.placed(process)
      if (pod === null || !this.isEntry(process)) continue
      append(found, pod, process)
    }
    return found
  }

  /** Neither the first process of its container nor below another of it, and no step of the runtime. */
  private isEntry(process: MemoryProcess): boolean {
    if (process.exe === null || process.state === 'Z' || isRuntimeStep(this.memory, this.memory.programs, process))
      return false
    return entryOf(this.memory, process, this.memory) === process
  }

  /** An audit log is of a whole cluster. */
  private isHere({ pod }: ExecRecord): boolean {
    const { pods, containers } = this.memory.tables
    return (
      pods.some(({ namespace, name }) => pod === `${namespace}/${name}`) ||
      containers.some(({ pod_namespace, pod_name }) => pod === `${pod_namespace}/${pod_name}`)
    )
  }

  private execRow(record: ExecRecord, { source, file }: Origin, process: MemoryProcess | undefined): JoinRow {
    const { time, what, user, from, agent, pod, container, command, status } = record
    const row = { source, file, kind: 'exec' as const, time, subject: user }
    const detail = {
      what,
      command,
      from,
      agent,
      status,
      asked_container: container,
      started: process?.started ?? null,
      ...saidOf(record),
    }
    if (process === undefined) return { ...row, ...NOWHERE, pod, state: 'evidence only', detail }
    return { ...row, ...this.memory.placed(process), state: 'both', detail: { ...detail, args: process.args } }
  }

  /** A process that no log knows which covers the time of its start. */
  private *unlogged(process: MemoryProcess): Generator<JoinRow> {
    const { started, args } = process
    if (started === null) return
    const covering = [...this.logs.values()].filter(({ first, last }) => first <= started && started <= last)
    const [log] = covering
    if (log === undefined) return
    const execs = covering.reduce((sum, one) => sum + one.execs, 0)
    const row = { ...log.origin, kind: 'exec' as const, time: started, subject: process.comm }
    const detail = { args, covered_from: log.first, covered_to: log.last, execs_logged: execs }
    yield { ...row, ...this.memory.placed(process), state: 'memory only', detail }
  }
}

/** The process that an exec started: in its time, of its command before all others, and the nearest of these. */
function nearest(
  record: ExecRecord,
  processes: readonly MemoryProcess[],
  taken: ReadonlySet<MemoryProcess>,
  memory: Memory,
): MemoryProcess | undefined {
  const asked = Date.parse(record.time)
  const command = record.command.join('\0')
  const fits = processes.flatMap((process) => {
    const after = process.started === null ? Number.NaN : Date.parse(process.started) - asked
    const { container_name } = memory.placed(process)
    const there = record.container === null || record.container === container_name
    if (taken.has(process) || !there || !(after >= -BEFORE && after <= AFTER)) return []
    const same = command !== '' && process.args?.join('\0') === command
    return [{ process, rank: Math.abs(after) + (same ? 0 : BEFORE + AFTER) }]
  })
  return fits.sort((one, other) => one.rank - other.rank)[0]?.process
}
