/** What goes on paper: the summary, all findings with their rows, and the tree. */

import type { TreeNode } from '../model/tree.js'
import type { App } from './app.js'
import { fill, h, shown } from './dom.js'
import { findingBody } from './finding-body.js'
import { badge, type Findings } from './findings.js'
import type { OverviewView } from './overview.js'

/** Nodes of the tree and findings on paper. */
const MOST = 2000

function treeList(root: TreeNode): HTMLElement {
  const lines: HTMLElement[] = []
  const waiting: { node: TreeNode; level: number }[] = [{ node: root, level: 0 }]
  for (let next = waiting.pop(); next !== undefined && lines.length < MOST; next = waiting.pop()) {
    const { node, level } = next
    const pid = node.pid === undefined ? '' : `${node.pid} `
    const line = h('li', {}, `${pid}${shown(node.label)} `, h('span', { class: 'muted' }, shown(node.note ?? '')))
    line.style.paddingLeft = `${Math.min(level, 20) * 14}px`
    lines.push(line)
    for (const child of node.children.toReversed()) waiting.push({ node: child, level: level + 1 })
  }
  return h('ul', { class: 'paper-tree' }, lines)
}

/** Made when the page is printed and taken away after it. */
export function preparePrint(app: App, findings: Findings, overview: OverviewView): void {
  const paper = h('div', { id: 'paper' })
  document.body.append(paper)
  addEventListener('beforeprint', () => {
    const { table } = findings
    const rows = table?.first(MOST) ?? []
    fill(
      paper,
      h('h1', {}, `Memory of ${shown(app.image.tree.label)}`),
      overview.cards(),
      table === undefined || rows.length === 0 ? null : h('h1', {}, 'Findings'),
      table === undefined
        ? null
        : rows.map((row) =>
            h(
              'article',
              { class: 'finding' },
              h(
                'div',
                { class: 'finding-head' },
                badge(table.text(row, 'severity')),
                h('span', { class: 'summary' }, table.text(row, 'summary')),
              ),
              findingBody(app, table, row, findings.evidenceOf(row)),
            ),
          ),
      h('h1', {}, 'Host, pods, containers, processes'),
      treeList(app.image.tree),
    )
  })
  addEventListener('afterprint', () => paper.replaceChildren())
}
