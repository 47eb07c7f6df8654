/** Flows of the network outside, and the connections in memory that they are of. */

import type { Origin } from '../read.js'
import type { Ends, EvidenceRecord, FlowRecord } from '../records.js'
import { Held, type Join, type JoinRow, lean, NOWHERE, saidOf } from './join.js'
import type { Connection, Memory } from './memory.js'

interface Flows {
  readonly record: FlowRecord
  readonly origin: Origin
  readonly connection: Connection | undefined
  last: string | null
  count: number
  bytes: number
}

export class FlowsJoin implements Join {
  private readonly flows = new Held<Flows>()
  private own: ReadonlySet<string> | undefined

  constructor(private readonly memory: Memory) {}

  get leftOut(): number {
    return this.flows.leftOut
  }

  add(record: EvidenceRecord, origin: Origin): void {
    if (record.kind !== 'flow') return
    // Flow logs are of a whole network.
    this.own ??= this.memory.allAddresses()
    const connection = this.memory.connection(record)
    if (connection === undefined && !this.own.has(record.source) && !this.own.has(record.target)) return
    const id = this.idOf(record, connection)
    const known = this.flows.get(id)
    const { time, bytes } = record
    if (known === undefined) {
      this.flows.set(id, {
        record: lean(record, this.flows.size),
        origin,
        connection,
        last: time,
        count: 1,
        bytes: bytes ?? 0,
      })
      return
    }
    known.count++
    known.bytes += bytes ?? 0
    if (time !== null && (known.last === null || time > known.last)) known.last = time
  }

  /** Connections that are over are one for each service, not for each port that called. */
  private idOf({ protocol, source, source_port, target, target_port, action }: FlowRecord, connection?: Connection) {
    const ends = connection ?? { source, source_port, target, target_port }
    const ports = [ends.source_port, ends.target_port]
    const shown = connection === undefined ? [Math.min(...ports)] : ports
    return [protocol, ends.source, ends.target, ...shown, action].join(' ')
  }

  *rows(): Generator<JoinRow> {
    for (const { record, origin, connection, last, count, bytes } of this.flows.values()) {
      const { action } = record
      const row = { ...origin, kind: 'connection' as const, time: last, subject: endsText(connection ?? record) }
      const detail = { action, flows: count, bytes, ...saidOf(record) }
      if (connection === undefined) yield { ...row, ...NOWHERE, state: 'evidence only', detail }
      else yield { ...row, ...this.memory.placed(connection), state: 'both', detail }
    }
  }
}

/** Both ends, who began first; an IPv6 address is in brackets. */
export function endsText({ protocol, source, source_port, target, target_port }: Ends) {
  const end = (address: string, port: number) => `${address.includes(':') ? `[${address}]` : address}:${port}`
  return `${protocol} ${end(source, source_port)} → ${end(target, target_port)}`
}
