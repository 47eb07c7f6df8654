/** Who talks with whom: pods, containers, the host, and addresses outside. */

import { podName } from '../../containers/pod-name.js'
import type { ReportTable } from './table.js'

export type EndKind = 'host' | 'pod' | 'container' | 'address' | 'published'

export interface End {
  readonly kind: EndKind
  /** Tells it from all others; of the host, a pod or a container its id in the tree. */
  readonly id: string
  /** Raw text of the image. */
  readonly label: string
}

/** A way on which one end reached the other, however many connections use it. */
export interface Edge {
  readonly from: End
  readonly to: End
  readonly protocol: string
  /** The port that was connected to; null where there is none. */
  readonly port: number | null
  readonly rows: { readonly table: string; readonly row: number }[]
}

export interface GraphTables {
  readonly host: string
  readonly containers: ReportTable | undefined
  readonly interfaces: ReportTable | undefined
  readonly sockets: ReportTable | undefined
  readonly connections: ReportTable | undefined
  readonly published: ReportTable | undefined
}

/** Everything that is nobody: of a socket that is not connected. */
const NOWHERE = new Set(['0.0.0.0', '::', ''])

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.')
}

/** An IPv4 address that an IPv6 socket shows in its own form. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
}

/** An address and a port under which others answer. */
function publishedEnd(address: string | null, port: number | null): End {
  const label = `${address ?? '*'}:${port ?? '?'}`
  return { kind: 'published', id: `published ${label}`, label }
}

/** Who has which address. Containers of a pod share theirs, so that the pod is what talks. */
class Ends {
  readonly host: End
  private readonly byContainer = new Map<string, End>()
  private readonly byAddress = new Map<string, End>()
  private readonly published = new Map<string, End>()

  constructor({ host, containers, interfaces, published }: GraphTables) {
    this.host = { kind: 'host', id: 'host', label: host }
    for (let row = 0; containers !== undefined && row < containers.length; row++) {
      const id = containers.string(row, 'id')
      if (id === null) continue
      const pod = podName(containers.string(row, 'pod_namespace'), containers.string(row, 'pod_name'))
      if (pod === null) this.container(id, containers.string(row, 'name'))
      else this.byContainer.set(id, { kind: 'pod', id: `pod ${pod}`, label: pod })
    }
    for (let row = 0; interfaces !== undefined && row < interfaces.length; row++) {
      const id = interfaces.string(row, 'container')
      const owner = id === null ? this.host : this.container(id, interfaces.string(row, 'container_name'))
      for (const text of interfaces.list(row, 'addresses')) {
        const [address = ''] = text.split('/')
        // A loopback address is everybody's own.
        if (!isLoopback(address) && !this.byAddress.has(address)) this.byAddress.set(address, owner)
      }
    }
    for (let row = 0; published !== undefined && row < published.length; row++) {
      const end = publishedEnd(published.string(row, 'address'), published.number(row, 'port'))
      this.published.set(end.label, end)
    }
  }

  container(id: string, name: string | null): End {
    let end = this.byContainer.get(id)
    if (end === undefined) {
      end = { kind: 'container', id: `container ${id}`, label: name ?? id.slice(0, 12) }
      this.byContainer.set(id, end)
    }
    return end
  }

  /** What is behind an address and a port, where that is an address that others answer for. */
  service(address: string, port: number): End | undefined {
    return this.published.get(`${plainAddress(address)}:${port}`)
  }

  /** The container, else who has the address, else the address itself. */
  of(id: string | null, name: string | null, address: string | null): End | undefined {
    if (id !== null) return this.container(id, name)
    if (address === null || NOWHERE.has(address)) return undefined
    const plain = plainAddress(address)
    return this.byAddress.get(plain) ?? { kind: 'address', id: `address ${plain}`, label: plain }
  }
}

class Edges {
  private readonly byKey = new Map<string, Edge>()

  add(
    from: End | undefined,
    to: End | undefined,
    what: Pick<Edge, 'protocol' | 'port'>,
    table: string,
    row: number,
  ): void {
    if (from === undefined || to === undefined || from.id === to.id) return
    const key = JSON.stringify([from.id, to.id, what.protocol, what.port])
    const known = this.byKey.get(key)
    if (known === undefined) this.byKey.set(key, { from, to, ...what, rows: [{ table, row }] })
    else known.rows.push({ table, row })
  }

  all(): Edge[] {
    return [...this.byKey.values()]
  }
}

function addTracked(edges: Edges, ends: Ends, table: ReportTable): void {
  for (let row = 0; row < table.length; row++) {
    const text = (column: string): string | null => table.string(row, column)
    const from = ends.of(text('source_container'), text('source_container_name'), text('source'))
    const to = ends.of(
      text('target_container'),
      text('target_container_name'),
      text('reply_source') ?? text('destination'),
    )
    const port = table.number(row, 'reply_source_port') ?? table.number(row, 'destination_port')
    edges.add(from, to, { protocol: text('protocol') ?? '?', port }, table.name, row)
  }
}

function socketKey(table: ReportTable, row: number): string {
  return JSON.stringify([table.value(row, 'net_ns'), table.value(row, 'protocol'), table.value(row, 'local_port')])
}

function addSockets(edges: Edges, ends: Ends, table: ReportTable): void {
  const listening = new Set<string>()
  for (let row = 0; row < table.length; row++) {
    if (table.string(row, 'state') === 'LISTEN') listening.add(socketKey(table, row))
  }
  for (let row = 0; row < table.length; row++) {
    const remote = table.string(row, 'remote_address')
    const port = table.number(row, 'remote_port')
    if (remote === null || port === null || port === 0 || isLoopback(remote)) continue
    const id = table.string(row, 'container')
    const own = id === null ? ends.host : ends.container(id, table.string(row, 'container_name'))
    const holder = table.string(row, 'remote_container')
    const other = (holder === null ? ends.service(remote, port) : undefined) ?? ends.of(holder, null, remote)
    const protocol = table.string(row, 'protocol') ?? '?'
    if (listening.has(socketKey(table, row))) {
      edges.add(other, own, { protocol, port: table.number(row, 'local_port') }, table.name, row)
    } else edges.add(own, other, { protocol, port }, table.name, row)
  }
}

function addPublished(edges: Edges, ends: Ends, table: ReportTable): void {
  for (let row = 0; row < table.length; row++) {
    const text = (column: string): string | null => table.string(row, column)
    const port = table.number(row, 'port')
    const from = publishedEnd(text('address'), port)
    const to = ends.of(text('target_container'), text('target_container_name'), text('target'))
    edges.add(from, to, { protocol: text('protocol') ?? '?', port: table.number(row, 'target_port') }, table.name, row)
  }
}

/** All ways, each once. */
export function buildGraph(tables: GraphTables): Edge[] {
  const ends = new Ends(tables)
  const edges = new Edges()
  if (tables.connections !== undefined) addTracked(edges, ends, tables.connections)
  if (tables.sockets !== undefined) addSockets(edges, ends, tables.sockets)
  if (tables.published !== undefined) addPublished(edges, ends, tables.published)
  return edges.all()
}

/** The ways that begin or end at one of these. */
export function edgesAround(edges: readonly Edge[], ids: ReadonlySet<string>): Edge[] {
  return edges.filter(({ from, to }) => ids.has(from.id) || ids.has(to.id))
}
