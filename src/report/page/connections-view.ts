/** Who talks with what is selected, as a graph and as a list. */

import { buildGraph, type Edge, type End, edgesAround } from '../model/graph.js'
import type { TreeNode } from '../model/tree.js'
import type { App } from './app.js'
import { fill, grouped, h, plural, shown, svg, wideTable } from './dom.js'

const NODE = { width: 190, height: 34, gap: 12 }
const WIDTH = 900
/** Ends on one side of the graph; the list has them all. */
const MOST_ENDS = 24
const TABLES = ['sockets', 'connections-tracked', 'published-ports', 'interfaces']
const MOST_EDGES = 500

/** An end on one side, with the ways that lead to it or come from it. */
interface Side {
  readonly end: End
  readonly edges: Edge[]
}

function describe({ protocol, port }: Edge): string {
  return port === null ? shown(protocol) : `${shown(protocol)} ${port}`
}

/** Ends and their ways, those with the most connections first. */
function sides(edges: readonly Edge[], other: (edge: Edge) => End): Side[] {
  const byEnd = new Map<string, Side>()
  for (const edge of edges) {
    const end = other(edge)
    const side = byEnd.get(end.id)
    if (side === undefined) byEnd.set(end.id, { end, edges: [edge] })
    else side.edges.push(edge)
  }
  const weight = ({ edges: own }: Side) => own.reduce((sum, { rows }) => sum + rows.length, 0)
  return [...byEnd.values()].sort((left, right) => weight(right) - weight(left))
}

const KINDS: Readonly<Record<End['kind'], string>> = {
  host: 'host',
  pod: 'pod',
  container: 'container',
  address: 'outside',
  published: 'published port',
}

export class ConnectionsView {
  readonly element = h('section', { class: 'view connections-view', aria: { label: 'Connections' } })

  constructor(private readonly app: App) {}

  async show(): Promise<void> {
    const { app } = this
    await app.tables.loadAll(TABLES)
    const { tables, tree } = app.image
    const edges = buildGraph({
      host: tree.label,
      containers: tables.get('containers'),
      interfaces: tables.get('interfaces'),
      sockets: tables.get('sockets'),
      connections: tables.get('connections-tracked'),
      published: tables.get('published-ports'),
    })
    const scope = this.scopeNode()
    const ids = new Set([scope.id])
    const around = edgesAround(edges, ids)
    const name = scope.label
    fill(
      this.element,
      h(
        'div',
        { class: 'page' },
        h(
          'div',
          { class: 'toolbar' },
          h('h2', {}, shown(name)),
          h('span', { class: 'muted' }, plural(around.length, 'way'), ` of ${grouped(edges.length)}`),
        ),
        around.length === 0
          ? h('p', { class: 'muted' }, 'No connection to another container, the host or outside is known.')
          : this.graph(name, scope, ids, around),
        scope.kind === 'host' ? this.others(edges, ids) : null,
        this.list(scope.kind === 'host' ? edges : around),
      ),
    )
  }

  /** A process talks as its container does, and a container as its pod. */
  private scopeNode(): TreeNode {
    const { image } = this.app
    let node = this.app.scope
    while (node.kind === 'process' || node.kind === 'group') node = image.parents.get(node.id) ?? image.tree
    const above = image.parents.get(node.id)
    return above?.kind === 'pod' ? above : node
  }

  private graph(name: string, scope: TreeNode, ids: ReadonlySet<string>, edges: readonly Edge[]): HTMLElement {
    const incoming = sides(
      edges.filter(({ from, to }) => ids.has(to.id) && !ids.has(from.id)),
      ({ from }) => from,
    )
    const outgoing = sides(
      edges.filter(({ from, to }) => ids.has(from.id) && !ids.has(to.id)),
      ({ to }) => to,
    )
    const [left, right] = [incoming.slice(0, MOST_ENDS), outgoing.slice(0, MOST_ENDS)]
    const tallest = Math.max(left.length, right.length, 1)
    const height = tallest * (NODE.height + NODE.gap) + NODE.gap
    const middle = height / 2
    const center = svg('g', { class: `end center ${scope.kind}` })
    center.append(
      svg('rect', { x: (WIDTH - NODE.width) / 2, y: middle - 22, width: NODE.width, height: 44, rx: 6 }),
      this.label(name, WIDTH / 2, middle + 4, 'middle', 24),
    )
    const parts = [
      ...left.flatMap((side, at) => this.side(side, at, left.length, height, 'left')),
      ...right.flatMap((side, at) => this.side(side, at, right.length, height, 'right')),
      center,
    ]
    const hidden = incoming.length + outgoing.length - left.length - right.length
    return h(
      'div',
      { class: 'graph' },
      svg(
        'svg',
        {
          viewBox: `0 0 ${WIDTH} ${height}`,
          role: 'img',
          'aria-label': `Connections of ${shown(name)}; the list below has them`,
          class: 'graph-svg',
        },
        svg(
          'defs',
          {},
          svg(
            'marker',
            { id: 'arrow', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' },
            svg('path', { d: 'M0 0 L8 4 L0 8 z' }),
          ),
        ),
        ...parts,
      ),
      hidden > 0 ? h('p', { class: 'muted' }, `${plural(hidden, 'more end')} in the list below`) : null,
    )
  }

  private label(text: string, x: number, y: number, anchor: string, most: number): SVGElement {
    const whole = shown(text)
    const label = svg(
      'text',
      { x, y, 'text-anchor': anchor },
      whole.length > most ? `${whole.slice(0, most - 1)}…` : whole,
    )
    label.append(svg('title', {}, whole))
    return label
  }

  private side({ end, edges }: Side, at: number, count: number, height: number, where: 'left' | 'right'): SVGElement[] {
    const step = height / count
    const y = step * at + step / 2
    const x = where === 'left' ? 4 : WIDTH - NODE.width - 4
    const middle = height / 2
    const [near, far] = [(WIDTH - NODE.width) / 2, (WIDTH + NODE.width) / 2]
    const [from, to] = where === 'left' ? [x + NODE.width, near - 2] : [far, x - 2]
    const bend = (to - from) / 2
    const [y1, y2] = where === 'left' ? [y, middle] : [middle, y]
    const words = [...new Set(edges.map(describe))]
    const text = words.length > 2 ? `${words.slice(0, 2).join(', ')} +${words.length - 2}` : words.join(', ')
    const line = svg('path', {
      class: 'way',
      d: `M${from} ${y1} C${from + bend} ${y1} ${to - bend} ${y2} ${to} ${y2}`,
      'marker-end': 'url(#arrow)',
    })
    const target = this.app.image.node(end.id)
    const group = svg('g', { class: `end ${end.kind}${target === undefined ? '' : ' lead'}` })
    group.append(
      svg('rect', { x, y: y - NODE.height / 2, width: NODE.width, height: NODE.height, rx: 5 }),
      this.label(end.label, x + 10, y - 2, 'start', 26),
    )
    const kind = svg('text', { class: 'kind', x: x + 10, y: y + 11 }, KINDS[end.kind])
    group.append(kind)
    if (target !== undefined) {
      group.setAttribute('tabindex', '0')
      group.setAttribute('role', 'link')
      const go = (): void => this.app.select(target.id)
      group.addEventListener('click', go)
      group.addEventListener('keydown', (event) => {
        if (event.key === 'Enter') go()
      })
    }
    const anchor = where === 'left' ? 'start' : 'end'
    const edge = svg(
      'text',
      { class: 'port', x: where === 'left' ? from + 6 : to - 10, y: y - 5, 'text-anchor': anchor },
      text,
    )
    return [line, edge, group]
  }

  /** What is not about the host itself: pods and containers that have connections of their own. */
  private others(edges: readonly Edge[], ids: ReadonlySet<string>): HTMLElement | null {
    const counts = new Map<string, { end: End; count: number }>()
    for (const { from, to } of edges) {
      for (const end of [from, to]) {
        if ((end.kind !== 'container' && end.kind !== 'pod') || ids.has(end.id)) continue
        const known = counts.get(end.id)
        if (known === undefined) counts.set(end.id, { end, count: 1 })
        else known.count++
      }
    }
    if (counts.size === 0) return null
    return h(
      'div',
      { class: 'chips' },
      h('span', { class: 'muted' }, 'Others: '),
      [...counts.values()].map(({ end, count }) =>
        h(
          'button',
          { type: 'button', class: 'chip', click: () => this.app.select(end.id) },
          shown(end.label),
          h('span', { class: 'count' }, String(count)),
        ),
      ),
    )
  }

  private list(edges: readonly Edge[]): HTMLElement | null {
    if (edges.length === 0) return null
    const link = ({ id, label }: End): HTMLElement => {
      const node = this.app.image.node(id)
      if (node === undefined) return h('span', { class: 'mono' }, shown(label))
      return h('button', { class: 'link mono', type: 'button', click: () => this.app.select(node.id) }, shown(label))
    }
    const source = ({ table, row }: Edge['rows'][number], count: number): HTMLElement =>
      h(
        'button',
        { class: 'link', type: 'button', click: () => this.app.go({ view: 'tables', table, row, scope: 'host' }) },
        count === 1 ? table : `${table} (${grouped(count)})`,
      )
    const sources = (edge: Edge): HTMLElement[] => {
      const names = [...new Set(edge.rows.map(({ table }) => table))]
      return names.flatMap((name) => {
        const own = edge.rows.filter(({ table }) => table === name)
        const [first] = own
        return first === undefined ? [] : [source(first, own.length), h('span', {}, ' ')]
      })
    }
    return h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Connections', h('span', { class: 'count' }, grouped(edges.length))),
      wideTable(
        ['From', 'To', 'Protocol', 'Port', 'Rows'],
        edges
          .slice(0, MOST_EDGES)
          .map((edge) => [
            link(edge.from),
            link(edge.to),
            h('td', { class: 'mono' }, shown(edge.protocol)),
            h('td', { class: 'mono' }, edge.port === null ? '' : String(edge.port)),
            h('td', {}, sources(edge)),
          ]),
      ),
      edges.length > MOST_EDGES ? h('p', { class: 'muted' }, `and ${grouped(edges.length - MOST_EDGES)} more`) : null,
    )
  }
}
