/** Containers and pods: in memory, in what engines and the API list, or in both. */

import type { Origin } from '../read.js'
import type { ContainerRecord, EvidenceRecord, ListingRecord, PodRecord } from '../records.js'
import { Held, type Join, type JoinRow, lean, NOWHERE, saidOf } from './join.js'
import type { Memory, MemoryContainer, MemoryPod } from './memory.js'

type Placed = ContainerRecord | PodRecord

interface Kept<R> {
  readonly record: R
  readonly origin: Origin
}

/** States in which a container's processes are there. */
const THERE = new Set(['running', 'paused'])

export class ContainersJoin implements Join {
  private readonly kept = new Held<Kept<Placed>>()
  private readonly listings = new Map<string, Kept<ListingRecord>>()
  /** Nodes of pods that are in memory: those are this node's names. */
  private readonly nodes = new Set<string>()
  private readonly podsByUid: ReadonlyMap<string, MemoryPod>

  constructor(private readonly memory: Memory) {
    const pods = memory.tables.pods
    this.podsByUid = new Map(pods.flatMap((pod) => (pod.uid === null ? [] : [[pod.uid, pod] as const])))
    for (const { node } of pods) if (node !== null) this.nodes.add(node)
  }

  get leftOut(): number {
    return this.kept.leftOut
  }

  add(record: EvidenceRecord, origin: Origin): void {
    if (record.kind === 'listing') this.listings.set(`${origin.file} ${record.of}`, { record, origin })
    if (record.kind !== 'container' && record.kind !== 'pod') return
    if (record.kind === 'pod' && record.place.node !== null && this.memoryPod(record) !== undefined) {
      this.nodes.add(record.place.node)
    }
    const id = record.kind === 'pod' ? (record.ids[0] ?? '') : record.id
    this.kept.set(`${origin.file} ${record.kind} ${id}`, { record: lean(record, this.kept.size), origin })
  }

  *rows(): Generator<JoinRow> {
    const here = this.kept.values().filter(({ record }) => this.isHere(record))
    for (const { record, origin } of here) {
      yield record.kind === 'pod' ? this.podRow(record, origin) : this.containerRow(record, origin)
    }
    for (const listing of this.listings.values()) yield* this.unlisted(listing, here)
  }

  /** A file of a whole cluster has other nodes' pods too. */
  private isHere({ place: { node, address } }: Placed): boolean {
    if (node === null && address === null) return true
    if (node !== null && this.nodes.has(node)) return true
    return this.nodes.size === 0 && address !== null && this.memory.hostAddresses().has(address)
  }

  private memoryPod({ ids }: PodRecord): MemoryPod | undefined {
    return ids.map((id) => this.podsByUid.get(id)).find((pod) => pod !== undefined)
  }

  private containerRow(record: ContainerRecord, { source, file }: Origin): JoinRow {
    const found = this.memory.container(record.id)
    const there = found !== undefined && (record.running !== true || THERE.has(found.state ?? ''))
    const { time, name, image, running } = record
    const row = { source, file, kind: 'container' as const, time, subject: name ?? record.id }
    const detail = { id: record.id, image, running, memory_state: found?.state ?? null, ...saidOf(record) }
    if (found === undefined) return { ...row, ...NOWHERE, pod: record.pod, state: 'evidence only', detail }
    return { ...row, ...this.placed(found), state: there ? 'both' : 'evidence only', detail }
  }

  private podRow(record: PodRecord, { source, file }: Origin): JoinRow {
    const found = this.memoryPod(record)
    const there = found !== undefined && (record.running !== true || found.state === 'running')
    const row = { source, file, kind: 'pod' as const, time: record.time, subject: record.name }
    const detail = {
      id: record.ids[0] ?? null,
      running: record.running,
      memory_state: found?.state ?? null,
      ...saidOf(record),
    }
    if (found === undefined) return { ...row, ...NOWHERE, pod: record.name, state: 'evidence only', detail }
    const sandbox = { ...NOWHERE, ...this.memory.placed({ pid: null, comm: null, container: found.sandbox }) }
    return { ...row, ...sandbox, pod: record.name, state: there ? 'both' : 'evidence only', detail }
  }

  private placed(found: MemoryContainer) {
    const first = this.memory.byPid.get(Number(found.init_pid ?? -1))
    return this.memory.placed({ pid: first?.pid ?? null, comm: first?.comm ?? null, container: found.id })
  }

  /** What runs in memory and is not in a list of all that there is. */
  private *unlisted({ record: { of, engine, whole }, origin }: Kept<ListingRecord>, here: readonly Kept<Placed>[]) {
    const listed = here.filter((one) => one.origin.file === origin.file).map(({ record }) => record)
    const ids = new Set(listed.flatMap((record) => (record.kind === 'pod' ? record.ids : record.id)))
    if (of === 'containers') {
      const shown = new Set([...ids].map((id) => this.memory.container(id)))
      const mine = this.memory.tables.containers.filter((one) => (engine === 'docker' ? isDockers(one) : isOfPod(one)))
      for (const one of mine) if (!shown.has(one)) yield this.unlistedContainer(one, origin, whole)
      return
    }
    // A list of one namespace says nothing of others; the pods of other nodes tell which it is of.
    const all = this.kept.values().filter((one) => one.origin.file === origin.file)
    const namespaces = new Set(all.flatMap(({ record }) => (record.kind === 'pod' ? record.namespace : [])))
    for (const pod of this.memory.tables.pods) {
      const judged = pod.state === 'running' && (namespaces.size > 1 || namespaces.has(pod.namespace ?? ''))
      if (judged && !ids.has(pod.uid ?? '')) yield this.unlistedPod(pod, origin, whole)
    }
    if (of !== 'pods') return
    const shown = new Set([...ids].map((id) => this.memory.container(id)))
    for (const one of this.memory.tables.containers) {
      // Those of a pod that is not listed are said with it.
      if (isOfPod(one) && ids.has(one.pod_uid ?? '') && !shown.has(one)) {
        yield this.unlistedContainer(one, origin, whole)
      }
    }
  }

  private unlistedContainer(found: MemoryContainer, { source, file }: Origin, whole: boolean): JoinRow {
    const detail = { id: found.id, image: found.image, memory_state: found.state, whole_list: whole }
    const row = { source, file, kind: 'container' as const, time: found.started, subject: found.name ?? found.id }
    return { ...row, ...this.placed(found), state: 'memory only', detail }
  }

  private unlistedPod(pod: MemoryPod, { source, file }: Origin, whole: boolean): JoinRow {
    const name = `${pod.namespace ?? '?'}/${pod.name ?? '?'}`
    const detail = { id: pod.uid, memory_state: pod.state, whole_list: whole }
    const row = { source, file, kind: 'pod' as const, time: pod.started, subject: name }
    const sandbox = this.memory.placed({ pid: null, comm: null, container: pod.sandbox })
    return { ...row, ...sandbox, pod: name, state: 'memory only', detail }
  }
}

function isDockers({ kind, runtime, state, pod_uid }: MemoryContainer): boolean {
  return kind === 'container' && runtime === 'docker' && pod_uid === null && THERE.has(state ?? '')
}

function isOfPod({ kind, state, pod_uid }: MemoryContainer): boolean {
  return kind === 'container' && pod_uid !== null && THERE.has(state ?? '')
}
