/** What is known of the findings of one image: of whom they speak, and which rows they rest on. */

import { append } from '../../append.js'
import { type EvidenceKey, evidenceOf, rowsNamed, timeOf } from '../model/evidence.js'
import type { ReportTable } from '../model/table.js'
import type { TreeNode } from '../model/tree.js'
import type { App } from './app.js'
import { h } from './dom.js'

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const
export type Severity = (typeof SEVERITIES)[number]

/** More evidence of one finding is counted, not drawn. */
export const MOST_EVIDENCE = 50

export function severityOf(table: ReportTable, row: number): Severity {
  const value = table.string(row, 'severity')
  return SEVERITIES.find((name) => name === value) ?? 'info'
}

/** What is known of the findings of one image. */
export class Findings {
  private image: unknown
  private evidence: EvidenceKey[][] = []
  private byRow: Map<string, number[]> | undefined
  private marks = new Map<string, { severity: Severity; count: number }>()

  constructor(private readonly app: App) {}

  get table(): ReportTable | undefined {
    return this.app.tables.get('findings')
  }

  evidenceOf(row: number): readonly EvidenceKey[] {
    this.read()
    return this.evidence[row] ?? []
  }

  /** Names of the tables that evidence is of, as far as the report has them. */
  evidenceTables(): string[] {
    this.read()
    const names = new Set(this.evidence.flatMap((keys) => keys.map(({ table }) => table)))
    return [...names].filter((name) => this.app.tables.head(name) !== undefined)
  }

  /** When something of a finding happened; the tables of its evidence must have been loaded. */
  timeOf(row: number): string | null {
    return timeOf(this.evidenceOf(row), (name) => this.app.tables.get(name))
  }

  /** The worst of a node's findings, and how many there are with those below it. */
  mark(node: TreeNode): { severity: Severity; count: number } | undefined {
    this.read()
    return this.marks.get(node.id)
  }

  countBySeverity(): Map<Severity, number> {
    const counts = new Map<Severity, number>()
    const { table } = this
    for (let row = 0; table !== undefined && row < table.length; row++) {
      const severity = severityOf(table, row)
      counts.set(severity, (counts.get(severity) ?? 0) + 1)
    }
    return counts
  }

  /** Links to the findings that rest on a row. */
  restingOn(table: ReportTable, row: number): HTMLElement[] {
    const { table: findings } = this
    if (findings === undefined) return []
    return (this.index().get(`${table.name} ${row}`) ?? []).map((finding) =>
      h(
        'button',
        {
          class: 'link finding-link',
          type: 'button',
          click: () => this.app.go({ view: 'findings', row: finding, scope: 'host' }),
        },
        badge(severityOf(findings, finding)),
        h('span', {}, findings.text(finding, 'summary')),
      ),
    )
  }

  private index(): Map<string, number[]> {
    this.read()
    if (this.byRow !== undefined) return this.byRow
    const byRow = new Map<string, number[]>()
    for (const [finding, keys] of this.evidence.entries()) {
      for (const { table: name, key } of keys) {
        const table = this.app.tables.get(name)
        for (const row of table === undefined ? [] : rowsNamed(table, key).slice(0, MOST_EVIDENCE)) {
          append(byRow, `${name} ${row}`, finding)
        }
      }
    }
    this.byRow = byRow
    return byRow
  }

  private read(): void {
    const { image } = this.app
    if (this.image === image) return
    this.image = image
    this.byRow = undefined
    this.marks = new Map()
    const { table } = this
    this.evidence = (table?.rows ?? []).map((row) => (table === undefined ? [] : evidenceOf(table, row)))
    for (let row = 0; table !== undefined && row < table.length; row++) {
      for (const node of this.nodesOf(table, row)) this.count(node, severityOf(table, row))
    }
  }

  /** The process or container of a finding, and all above it. */
  private nodesOf(table: ReportTable, row: number): TreeNode[] {
    const { image } = this.app
    const pid = table.number(row, 'pid')
    const container = table.string(row, 'container')
    const own =
      (pid === null ? undefined : image.process(pid)) ?? (container === null ? undefined : image.container(container))
    const nodes: TreeNode[] = [own ?? image.tree]
    for (let above = image.parents.get(nodes[0]?.id ?? ''); above; above = image.parents.get(above.id))
      nodes.push(above)
    // Findings of a process are not its ancestors': only what holds it has them, too.
    return nodes.filter((node) => node === nodes[0] || node.kind !== 'process')
  }

  private count(node: TreeNode, severity: Severity): void {
    const known = this.marks.get(node.id)
    if (known === undefined) this.marks.set(node.id, { severity, count: 1 })
    else {
      known.count++
      if (SEVERITIES.indexOf(severity) < SEVERITIES.indexOf(known.severity)) known.severity = severity
    }
  }
}

export function badge(severity: string): HTMLElement {
  return h('span', { class: `severity ${severity}` }, severity)
}
