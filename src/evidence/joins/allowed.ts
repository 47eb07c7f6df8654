/** Connections in memory that a list of what is allowed, or a NetworkPolicy, does not cover. */

import { networksOf } from '../networks.js'
import type { Origin } from '../read.js'
import type { AllowedRecord, EvidenceRecord } from '../records.js'
import { endsText } from './flows.js'
import { Held, type Join, type JoinRow } from './join.js'
import { type Connection, isLoopback, type Memory, type MemoryPod } from './memory.js'

interface Allowed {
  readonly record: AllowedRecord
  readonly origin: Origin
  readonly covers: (address: string) => boolean
}

export class AllowedJoin implements Join {
  private readonly allowed = new Held<Allowed>()
  private count = 0

  constructor(private readonly memory: Memory) {}

  get leftOut(): number {
    return this.allowed.leftOut
  }

  add(record: EvidenceRecord, origin: Origin): void {
    if (record.kind !== 'allowed') return
    const [inside, outside] = [networksOf(record.networks), networksOf(record.except)]
    const any = record.networks.length === 0
    const covers = (address: string) => (any || inside(address)) && !outside(address)
    this.allowed.set(String(this.count++), { record, origin, covers })
  }

  *rows(): Generator<JoinRow> {
    const all = this.allowed.values()
    if (all.length === 0) return
    const pods = new Map(this.memory.tables.pods.map((pod) => [`${pod.namespace}/${pod.name}`, pod]))
    for (const connection of this.memory.connections) {
      const { pod } = this.memory.placed(connection)
      const about = all.filter(({ record }) => isAbout(record, connection, pods.get(pod ?? '')))
      const [first] = about
      if (first === undefined || isUnjudged(connection) || about.some((one) => covers(one, connection))) continue
      const { protocol, target_port, outgoing } = connection
      const detail = { way: outgoing ? 'out' : 'in', address: peerOf(connection), port: target_port, protocol }
      const row = { ...first.origin, kind: 'connection' as const, time: null, subject: endsText(connection) }
      yield { ...row, ...this.memory.placed(connection), state: 'memory only', detail }
    }
  }
}

/** Protocols that have ports: of others a list of ports says nothing. */
const WITH_PORTS = new Set(['tcp', 'udp', 'udplite', 'sctp', 'dccp'])

/** What stays on the host's loopback is nobody's network; of two ends here, the one that called is judged. */
function isUnjudged({ protocol, source, target, inner, outgoing }: Connection): boolean {
  return !WITH_PORTS.has(protocol) || isLoopback(source) || isLoopback(target) || (inner && !outgoing)
}

/** Whether something is said of connections of this kind: of one that nothing is said of, everything is allowed. */
function isAbout({ way, pods }: AllowedRecord, { outgoing }: Connection, pod: MemoryPod | undefined): boolean {
  if (way !== null && way !== (outgoing ? 'out' : 'in')) return false
  if (pods === null) return true
  if (pod === undefined || pod.namespace !== pods.namespace) return false
  const labels = typeof pod.labels === 'object' && pod.labels !== null ? Object.entries(pod.labels) : []
  const own = new Map<string, unknown>(labels)
  return [...pods.labels].every(([name, value]) => own.get(name) === value)
}

function peerOf({ outgoing, source, target }: Connection): string {
  return outgoing ? target : source
}

function covers({ record, covers: inNetworks }: Allowed, connection: Connection): boolean {
  const { protocol, target_port: port } = connection
  const ports = record.ports.length === 0
  const open = record.ports.some((one) => {
    return one.from <= port && port <= one.to && (one.protocol === null || one.protocol === protocol)
  })
  return (ports || open) && inNetworks(peerOf(connection))
}
