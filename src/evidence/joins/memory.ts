/** What memory says, as far as evidence is joined with it: rows of other tables, with the indexes that joins ask. */

import { plainAddress } from '../networks.js'
import type { Ends } from '../records.js'

export interface MemoryContainer {
  readonly id: string | null
  readonly name: string | null
  readonly kind: string | null
  readonly runtime: string | null
  readonly image: string | null
  readonly state: string | null
  readonly init_pid: number | bigint | null
  readonly started: string | null
  readonly pod_uid: string | null
  readonly pod_name: string | null
  readonly pod_namespace: string | null
}

export interface MemoryPod {
  readonly uid: string | null
  readonly name: string | null
  readonly namespace: string | null
  readonly node: string | null
  readonly state: string | null
  readonly sandbox: string | null
  readonly started: string | null
  readonly labels: unknown
}

export interface MemoryProcess {
  readonly pid: number | bigint | null
  readonly ppid: number | bigint | null
  readonly comm: string | null
  readonly args: readonly string[] | null
  readonly exe: string | null
  readonly state: string | null
  readonly started: string | null
  readonly container: string | null
  readonly mnt_ns: number | bigint | null
}

export interface MemoryKey {
  readonly kind: string | null
  readonly owner_account: string | null
  readonly pid: number | bigint | null
  readonly comm: string | null
  readonly container: string | null
  readonly where: string | null
  readonly path: string | null
}

export interface MemorySocket {
  readonly pid: number | bigint | null
  readonly comm: string | null
  readonly container: string | null
  readonly net_ns: number | bigint | null
  readonly family: string | null
  readonly protocol: string | null
  readonly state: string | null
  readonly local_address: string | null
  readonly local_port: number | bigint | null
  readonly remote_address: string | null
  readonly remote_port: number | bigint | null
  readonly remote_pid: number | bigint | null
}

export interface MemoryTracked {
  readonly protocol: string | null
  readonly source: string | null
  readonly source_port: number | bigint | null
  readonly destination: string | null
  readonly destination_port: number | bigint | null
  readonly reply_source: string | null
  readonly reply_source_port: number | bigint | null
  readonly reply_destination: string | null
  readonly reply_destination_port: number | bigint | null
  readonly source_container: string | null
  readonly target_container: string | null
}

export interface MemoryInterface {
  readonly net_ns: number | bigint | null
  readonly container: string | null
  readonly addresses: readonly string[] | null
}

/** What a process runs, where that is no file or a runtime. */
export interface MemoryProgram {
  readonly pid: number | bigint | null
  readonly size: number | bigint | null
  readonly sealed: boolean | null
  readonly copy_of: string | null
  readonly same_file: boolean | null
  readonly compared: number | bigint | null
}

export interface MemoryTables {
  readonly containers: readonly MemoryContainer[]
  readonly pods: readonly MemoryPod[]
  readonly processes: readonly MemoryProcess[]
  readonly programs: readonly MemoryProgram[]
  readonly keys: readonly MemoryKey[]
  readonly sockets: readonly MemorySocket[]
  readonly tracked: readonly MemoryTracked[]
  readonly interfaces: readonly MemoryInterface[]
}

/** Whom a row is about. */
export interface Whose {
  readonly pid: number | bigint | null
  readonly comm: string | null
  readonly container: string | null
}

export const NOBODY: Whose = { pid: null, comm: null, container: null }

/** A connection in memory: who began it is the source, where that can be told. */
export interface Connection extends Ends, Whose {
  readonly outgoing: boolean
  /** Whether its other end is on this host too, and a connection of its own. */
  readonly inner: boolean
}

/** Ids are shortened to so many characters by what people use. */
const SHORT_ID = 12

/** Memory with its indexes. */
export class Memory {
  private readonly byId: ReadonlyMap<string, MemoryContainer>
  private readonly byShortId: ReadonlyMap<string, MemoryContainer>
  readonly byPid: ReadonlyMap<number, MemoryProcess>
  private read: { connections: readonly Connection[]; byEnds: ReadonlyMap<string, Connection> } | undefined

  constructor(readonly tables: MemoryTables) {
    const named = tables.containers.flatMap((one) => (one.id === null ? [] : [[one.id, one] as const]))
    this.byId = new Map(named)
    this.byShortId = new Map(named.map(([id, one]) => [id.slice(0, SHORT_ID), one]))
    this.byPid = new Map(tables.processes.flatMap((one) => (one.pid === null ? [] : [[Number(one.pid), one] as const])))
  }

  /** A container by its id or the beginning of it. */
  container(id: string | null): MemoryContainer | undefined {
    if (id === null || id.length < SHORT_ID) return undefined
    const found = this.byId.get(id) ?? this.byShortId.get(id.slice(0, SHORT_ID))
    return found?.id?.startsWith(id) ? found : undefined
  }

  /** Processes as rules ask for them. */
  where(_column: 'pid', pid: number | bigint | null): readonly MemoryProcess[] {
    const found = pid === null ? undefined : this.byPid.get(Number(pid))
    return found === undefined ? [] : [found]
  }

  /** Programs as rules ask for them. */
  readonly programs = {
    where: (_column: 'pid', pid: number | bigint | null): readonly MemoryProgram[] =>
      this.tables.programs.filter((program) => program.pid !== null && program.pid === pid),
  }

  /** What its rows say beside a process: the names of its container and pod. */
  placed({ pid, comm, container }: Whose) {
    const found = this.container(container)
    return { pid, comm, container, container_name: found?.name ?? null, pod: podOf(found) }
  }

  /** Addresses of the host itself. */
  hostAddresses(): ReadonlySet<string> {
    return addressesOf(this.tables.interfaces.filter(({ container }) => container === null))
  }

  /** Those of the host and of everything on it. */
  allAddresses(): ReadonlySet<string> {
    return addressesOf(this.tables.interfaces)
  }

  get connections(): readonly Connection[] {
    return this.joined().connections
  }

  /** The connection with these ends, in either direction. */
  connection(ends: Ends): Connection | undefined {
    return this.joined().byEnds.get(keyOf(ends))
  }

  private joined() {
    if (this.read !== undefined) return this.read
    const byEnds = new Map<string, Connection>()
    const sockets = socketConnections(this.tables.sockets)
    for (const connection of sockets) {
      const key = keyOf(connection)
      const known = byEnds.get(key)
      // One that a process holds says more.
      if (known === undefined || known.pid === null) byEnds.set(key, connection)
    }
    const connections = [...sockets]
    const own = this.allAddresses()
    for (const tracked of this.tables.tracked) {
      const [original, reply] = trackedEnds(tracked)
      const known = byEnds.get(keyOf(original)) ?? (reply && byEnds.get(keyOf(reply)))
      const container = tracked.source_container ?? tracked.target_container
      const outgoing = own.has(original.source) || !own.has(original.target)
      const connection = known ?? { ...original, ...NOBODY, container, outgoing, inner: false }
      if (known === undefined) connections.push(connection)
      for (const ends of reply === null ? [original] : [original, reply]) {
        if (!byEnds.has(keyOf(ends))) byEnds.set(keyOf(ends), connection)
      }
    }
    this.read = { connections, byEnds }
    return this.read
  }
}

function podOf(container: MemoryContainer | undefined): string | null {
  if (container === undefined || container.pod_namespace === null || container.pod_name === null) return null
  return `${container.pod_namespace}/${container.pod_name}`
}

function addressesOf(interfaces: readonly MemoryInterface[]): ReadonlySet<string> {
  const all = interfaces.flatMap(({ addresses }) => addresses ?? [])
  return new Set(all.map((address) => address.split('/', 1)[0] ?? '').filter((one) => !isLoopback(one)))
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1'
}

/** By what a connection is known, whoever began it. */
function keyOf({ protocol, source, source_port, target, target_port }: Ends): string {
  const ends = [`${source} ${source_port}`, `${target} ${target_port}`].sort()
  return [protocol, ...ends].join(' ')
}

const FAMILIES = new Set(['inet', 'inet6'])

/** Sockets with two ends. One whose port is listened on in its namespace was called, any other called. */
function socketConnections(sockets: readonly MemorySocket[]): Connection[] {
  const listening = new Set(
    sockets.flatMap(({ state, net_ns, local_port }) => (state === 'LISTEN' ? `${net_ns} ${local_port}` : [])),
  )
  const found = new Map<string, Connection>()
  for (const socket of sockets) {
    const { family, protocol, local_address, remote_address, pid, comm, container, net_ns } = socket
    const [local_port, remote_port] = [Number(socket.local_port ?? 0), Number(socket.remote_port ?? 0)]
    if (!FAMILIES.has(family ?? '') || local_address === null || remote_address === null || remote_port === 0) continue
    const outgoing = !listening.has(`${net_ns} ${local_port}`)
    const [local, remote] = [plainAddress(local_address), plainAddress(remote_address)]
    const ends = outgoing
      ? { source: local, source_port: local_port, target: remote, target_port: remote_port }
      : { source: remote, source_port: remote_port, target: local, target_port: local_port }
    const connection = {
      protocol: protocol ?? '?',
      ...ends,
      pid,
      comm,
      container,
      outgoing,
      inner: socket.remote_pid !== null,
    }
    // Several descriptors of several processes may hold one socket: the first is named.
    const key = `${net_ns} ${keyOf(connection)} ${outgoing}`
    if (!found.has(key)) found.set(key, connection)
  }
  return [...found.values()]
}

function trackedEnds(tracked: MemoryTracked): [Ends, Ends | null] {
  const protocol = tracked.protocol ?? '?'
  const original = {
    protocol,
    source: tracked.source ?? '?',
    source_port: Number(tracked.source_port ?? 0),
    target: tracked.destination ?? '?',
    target_port: Number(tracked.destination_port ?? 0),
  }
  if (tracked.reply_source === null || tracked.reply_destination === null) return [original, null]
  const reply = {
    protocol,
    source: tracked.reply_destination,
    source_port: Number(tracked.reply_destination_port ?? 0),
    target: tracked.reply_source,
    target_port: Number(tracked.reply_source_port ?? 0),
  }
  return [original, reply]
}
