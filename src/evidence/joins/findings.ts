/** Findings of GuardDuty, and what memory has of what they are about. */

import type { Origin } from '../read.js'
import type { EvidenceRecord, FindingRecord } from '../records.js'
import { Held, type Join, type JoinRow, lean, NOWHERE, saidOf } from './join.js'
import type { Memory, MemoryProcess, Whose } from './memory.js'

interface Kept {
  readonly record: FindingRecord
  readonly origin: Origin
}

export class FindingsJoin implements Join {
  private readonly kept = new Held<Kept>()
  private count = 0

  constructor(private readonly memory: Memory) {}

  get leftOut(): number {
    return this.kept.leftOut
  }

  add(record: EvidenceRecord, origin: Origin): void {
    if (record.kind === 'finding') this.kept.set(String(this.count++), { record: lean(record, this.kept.size), origin })
  }

  *rows(): Generator<JoinRow> {
    for (const { record, origin } of this.kept.values()) {
      const { type, title, severity, time, pid, exe, remote, remote_port, key } = record
      const seen = this.seen(record)
      const row = { ...origin, kind: 'finding' as const, time, subject: type }
      const detail = {
        title,
        severity,
        pid,
        exe,
        remote,
        remote_port,
        key,
        asked_container: record.container,
        ...saidOf(record),
      }
      if (seen === null) yield { ...row, ...NOWHERE, pod: record.pod, state: 'evidence only', detail }
      else yield { ...row, ...this.memory.placed(seen.whose), state: 'both', detail: { ...detail, seen: seen.what } }
    }
  }

  /** The most telling of what memory has of it. */
  private seen(record: FindingRecord): { what: string; whose: Whose } | null {
    const process = this.process(record)
    if (process !== undefined) return { what: 'process', whose: process }
    const { remote, remote_port, key } = record
    const connection = this.memory.connections.find(({ source, target, outgoing, target_port, source_port }) => {
      const [address, port] = outgoing ? [target, target_port] : [source, source_port]
      return remote !== null && address === remote && (remote_port === null || port === remote_port)
    })
    if (connection !== undefined) return { what: 'connection', whose: connection }
    const holder = this.memory.tables.keys.find(({ owner_account }) => key !== null && owner_account === key)
    if (holder !== undefined) return { what: 'access key', whose: holder }
    const container = this.memory.container(record.container)
    return container === undefined
      ? null
      : { what: 'container', whose: { pid: null, comm: null, container: container.id } }
  }

  /** A process is the same where its program is too: numbers come again. */
  private process({ pid, exe, container }: FindingRecord): MemoryProcess | undefined {
    if (pid === null || exe === null) return undefined
    const found = this.memory.byPid.get(pid)
    const same = found?.exe?.replace(/ \(deleted\)$/, '') === exe
    const there = container === null || found?.container?.startsWith(container) === true
    return same && there ? found : undefined
  }
}
