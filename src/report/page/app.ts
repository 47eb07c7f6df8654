/** What is shown: one place says it, the address of the page, so that going back works. */

import type { ReportHead } from '../model/document.js'
import { rowsAbout } from '../model/scope.js'
import type { ReportTable } from '../model/table.js'
import { buildTree, type TreeNode } from '../model/tree.js'
import { Tables } from './data.js'

export const VIEWS = ['overview', 'findings', 'timeline', 'connections', 'tables', 'search'] as const
export type View = (typeof VIEWS)[number]

/** What the page shows. */
export interface Place {
  readonly view: View
  /** Which image of the report. */
  readonly image: number
  /** The id of the selected node of the tree; the host where nothing is selected. */
  readonly scope: string
  readonly table: string
  readonly row: number | null
  /** What is searched or filtered for. */
  readonly query: string
}

/** What makes the tree and the first view; everything else is loaded when it is looked at. */
const FIRST = ['info', 'containers', 'processes', 'findings', 'rules']

function readPlace(hash: string): Place {
  const words = new URLSearchParams(hash.replace(/^#/, ''))
  const view = VIEWS.find((name) => name === words.get('view')) ?? 'overview'
  const row = words.get('row')
  return {
    view,
    image: Number(words.get('image') ?? 0) || 0,
    scope: words.get('scope') ?? 'host',
    table: words.get('table') ?? '',
    row: row === null || !/^\d+$/.test(row) ? null : Number(row),
    query: words.get('query') ?? '',
  }
}

function writePlace({ view, image, scope, table, row, query }: Place): string {
  const words = new URLSearchParams({ view })
  if (image > 0) words.set('image', String(image))
  if (scope !== 'host') words.set('scope', scope)
  if (table !== '') words.set('table', table)
  if (row !== null) words.set('row', String(row))
  if (query !== '') words.set('query', query)
  return `#${words}`
}

/** One image of the report, opened. */
export class OpenedImage {
  private readonly nodes = new Map<string, TreeNode>()
  private readonly byPid = new Map<number, TreeNode>()
  readonly parents = new Map<string, TreeNode>()

  private constructor(
    readonly tables: Tables,
    readonly tree: TreeNode,
  ) {
    const waiting = [tree]
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      this.nodes.set(node.id, node)
      if (node.pid !== undefined && !this.byPid.has(node.pid)) this.byPid.set(node.pid, node)
      for (const child of node.children) {
        this.parents.set(child.id, node)
        waiting.push(child)
      }
    }
  }

  static async open(head: ReportHead, index: number): Promise<OpenedImage> {
    const image = head.images[index] ?? head.images[0]
    if (image === undefined) throw new Error('the report holds no image')
    const tables = new Tables(image)
    await tables.loadAll(FIRST)
    const name = image.name.split('/').at(-1) ?? image.name
    const host = tables.get('info')?.string(0, 'hostname') ?? name
    const tree = buildTree({ host, processes: tables.get('processes'), containers: tables.get('containers') })
    return new OpenedImage(tables, tree)
  }

  node(id: string): TreeNode | undefined {
    return this.nodes.get(id)
  }

  process(pid: number): TreeNode | undefined {
    return this.byPid.get(pid)
  }

  container(id: string): TreeNode | undefined {
    return this.nodes.get(`container ${id}`)
  }
}

export class App {
  place: Place = readPlace('')
  image!: OpenedImage
  private readonly listeners: (() => void)[] = []

  constructor(readonly head: ReportHead) {}

  async start(): Promise<void> {
    await this.read()
    addEventListener('hashchange', () => void this.read().then(() => this.tell()))
  }

  /** Called when something else is to be shown. */
  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  get tables(): Tables {
    return this.image.tables
  }

  /** The selected node of the tree. */
  get scope(): TreeNode {
    return this.image.node(this.place.scope) ?? this.image.tree
  }

  /** Shows something else; what is not named stays, but a row and a search belong to what was shown before. */
  go(change: Partial<Place>): void {
    const hash = writePlace({ ...this.place, row: null, query: '', ...change })
    if (hash !== location.hash) location.hash = hash
  }

  /** Selects a node of the tree. The overview is of the whole host: what is found of the node is shown instead. */
  select(scope: string): void {
    const { view } = this.place
    this.go({ scope, ...(view === 'overview' && scope !== this.image.tree.id ? { view: 'findings' } : {}) })
  }

  /** Shows something else without a step to go back to. */
  replace(change: Partial<Place>): void {
    this.place = { ...this.place, ...change }
    history.replaceState(null, '', writePlace(this.place))
  }

  /** Rows of a table that are about what is selected, and whether the table can tell. */
  scoped(table: ReportTable): { readonly rows: readonly number[]; readonly told: boolean } {
    const about = rowsAbout(table, this.scope)
    if (about !== null) return { rows: about, told: true }
    return { rows: table.rows, told: this.scope.kind === 'host' }
  }

  private tell(): void {
    for (const listener of this.listeners) listener()
  }

  private async read(): Promise<void> {
    const place = readPlace(location.hash)
    if ((this.image as OpenedImage | undefined) === undefined || place.image !== this.place.image) {
      this.image = await OpenedImage.open(this.head, place.image)
    }
    this.place = place
  }
}
