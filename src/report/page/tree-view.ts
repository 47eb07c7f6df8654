/** The tree of the host, for mouse and keyboard. */

import type { TreeNode } from '../model/tree.js'
import type { App } from './app.js'
import { h, put, shown } from './dom.js'
import { VirtualRows } from './virtual.js'

const ROW = 24
/** Deeper than this, nodes are not moved further to the right. */
const MOST_INDENT = 24

interface Visible {
  readonly node: TreeNode
  readonly level: number
}

export class TreeView {
  readonly element: HTMLElement
  private readonly rows: VirtualRows
  private readonly open = new Set<string>()
  private visible: Visible[] = []
  private active = 'host'
  private root: TreeNode | undefined

  constructor(
    private readonly app: App,
    /** How many findings a node has by itself or below, and the worst of them. */
    private readonly marks: (node: TreeNode) => { readonly severity: string; readonly count: number } | undefined,
  ) {
    this.element = h('div', {
      class: 'tree',
      role: 'tree',
      id: 'tree',
      tabindex: 0,
      aria: { label: 'Host, pods, containers, processes' },
      keydown: (event) => this.key(event),
    })
    this.rows = new VirtualRows(this.element, ROW, (index) => this.draw(index))
    put(this.element, this.rows.body)
  }

  /** Shows the tree of the image, with what is selected in sight. */
  show(): void {
    const { tree, parents } = this.app.image
    if (this.root !== tree) {
      this.root = tree
      this.open.clear()
      this.open.add(tree.id)
      for (const child of tree.children) if (child.kind === 'pod') this.open.add(child.id)
    }
    const { scope } = this.app
    this.active = scope.id
    for (let above = parents.get(scope.id); above !== undefined; above = parents.get(above.id)) this.open.add(above.id)
    this.list()
    this.reveal()
  }

  private list(): void {
    this.visible = []
    if (this.root === undefined) return
    const waiting: Visible[] = [{ node: this.root, level: 1 }]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      this.visible.push(next)
      if (!this.open.has(next.node.id)) continue
      for (const child of next.node.children.toReversed()) waiting.push({ node: child, level: next.level + 1 })
    }
    this.rows.reset(this.visible.length)
  }

  private reveal(): void {
    const at = this.visible.findIndex(({ node }) => node.id === this.active)
    if (at >= 0) this.rows.reveal(at)
    this.element.setAttribute('aria-activedescendant', `tree-${at}`)
  }

  private draw(index: number): HTMLElement {
    const { node, level } = this.visible[index] as Visible
    const inner = node.children.length > 0
    const mark = this.marks(node)
    const row = h(
      'div',
      {
        class: `node ${node.kind} ${node.state ?? ''}`,
        role: 'treeitem',
        id: `tree-${index}`,
        title: [node.label, node.note]
          .filter((part) => part)
          .map((part) => shown(part ?? ''))
          .join('\n'),
        aria: {
          level,
          selected: node.id === this.app.scope.id,
          ...(inner ? { expanded: this.open.has(node.id) } : {}),
        },
        data: node.id === this.active ? { active: '' } : {},
        click: () => this.choose(node),
      },
      h('span', {
        class: `twist${inner ? '' : ' none'}`,
        click: (event) => {
          event.stopPropagation()
          this.toggle(node)
        },
      }),
      h('span', { class: 'dot' }),
      node.pid === undefined ? null : h('span', { class: 'pid' }, String(node.pid)),
      h('span', { class: 'label' }, shown(node.label)),
      node.note === undefined ? null : h('span', { class: 'note' }, shown(node.note)),
      mark === undefined ? null : h('span', { class: `mark ${mark.severity}`, title: 'Findings' }, String(mark.count)),
    )
    row.style.setProperty('--level', String(Math.min(level - 1, MOST_INDENT)))
    return row
  }

  private toggle(node: TreeNode): void {
    if (!this.open.delete(node.id)) this.open.add(node.id)
    this.list()
    this.reveal()
  }

  private choose(node: TreeNode): void {
    this.active = node.id
    this.element.focus()
    this.app.select(node.id)
  }

  private move(index: number): void {
    const next = this.visible[Math.max(0, Math.min(this.visible.length - 1, index))]
    if (next === undefined) return
    this.active = next.node.id
    this.rows.refresh()
    this.reveal()
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return
    const at = this.visible.findIndex(({ node }) => node.id === this.active)
    const node = this.visible[at]?.node
    if (node === undefined) return
    const isOpen = this.open.has(node.id)
    const inner = node.children.length > 0
    const actions: Record<string, () => void> = {
      ArrowDown: () => this.move(at + 1),
      ArrowUp: () => this.move(at - 1),
      PageDown: () => this.move(at + this.rows.page),
      PageUp: () => this.move(at - this.rows.page),
      Home: () => this.move(0),
      End: () => this.move(this.visible.length - 1),
      Enter: () => this.choose(node),
      ' ': () => this.choose(node),
      ArrowRight: () => (inner && !isOpen ? this.toggle(node) : inner ? this.move(at + 1) : undefined),
      ArrowLeft: () => {
        const above = this.app.image.parents.get(node.id)
        if (inner && isOpen) this.toggle(node)
        else if (above !== undefined) this.move(this.visible.findIndex((other) => other.node === above))
      },
    }
    const action = actions[event.key]
    if (action === undefined) return
    event.preventDefault()
    action()
  }
}
