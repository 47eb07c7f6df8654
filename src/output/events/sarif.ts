import { createHash } from 'node:crypto'
import type { Batch } from '../../api/table.js'
import { isNote } from '../../engine/warnings.js'
import { version } from '../../version.js'
import type { Warning } from '../../warning.js'
import type { Format, TableHead } from '../format.js'
import { encoded, type PlainRow, plainRows, uriOf } from './rows.js'

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json'

/** A level, and the score of 0 to 10 by which viewers order security results. */
const levels: Readonly<Record<string, readonly [string, string]>> = {
  critical: ['error', '9.5'],
  high: ['error', '8.0'],
  medium: ['warning', '5.5'],
  low: ['note', '3.0'],
  info: ['note', '0.0'],
}

interface SarifRule {
  readonly id: string
  [key: string]: unknown
}

/** What makes a result the same one in another run over the same image. */
function fingerprint({ rule, container, pid, evidence, summary }: PlainRow): string {
  return createHash('sha256')
    .update(JSON.stringify([rule, container, pid, evidence, summary]))
    .digest('hex')
}

function ruleOf({ rule, title, severity, tactic, attack, next_steps }: PlainRow): SarifRule {
  const [level, score] = levels[String(severity)] ?? ['note', '0.0']
  const steps = Array.isArray(next_steps) ? next_steps.join('. ') : ''
  return {
    id: String(rule),
    ...(title == null ? {} : { shortDescription: { text: title } }),
    ...(steps === '' ? {} : { help: { text: steps } }),
    defaultConfiguration: { level },
    properties: {
      'security-severity': score,
      tags: [
        ...new Set(['security', ...(tactic == null ? [] : [String(tactic)]), ...(Array.isArray(attack) ? attack : [])]),
      ],
    },
  }
}

function logicalLocations({ pid, comm, container, container_name, pod }: PlainRow): object[] {
  const process = pid == null ? [] : [{ name: `${comm ?? ''} ${pid}`.trim(), kind: 'process' }]
  if (container == null) return process
  const fullyQualifiedName = [pod, container].filter((part) => part != null).join('/')
  return [...process, { name: String(container_name ?? container), fullyQualifiedName, kind: 'container' }]
}

function resultOf(head: TableHead, row: PlainRow): object {
  const { rule, summary, title, severity, confidence, evidence, kubernetes_matrix } = row
  const logical = logicalLocations(row)
  return {
    ruleId: String(rule),
    level: (levels[String(severity)] ?? ['note'])[0],
    message: { text: String(summary ?? title ?? rule) },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: uriOf(head.image) } },
        ...(logical.length === 0 ? {} : { logicalLocations: logical }),
      },
    ],
    partialFingerprints: { 'salvorFinding/v1': fingerprint(row) },
    properties: { severity, confidence, evidence, kubernetesMatrix: kubernetes_matrix },
  }
}

/** SARIF 2.1.0 of findings: a run for each image. */
export class SarifFormat implements Format {
  private runs = 0
  private results = 0
  private readonly rules = new Map<string, SarifRule>()

  start(): string {
    const opening = this.runs === 0 ? `{"$schema":${encoded(SCHEMA)},"version":"2.1.0","runs":[\n` : ',\n'
    this.runs++
    this.results = 0
    this.rules.clear()
    return `${opening}{"results":[`
  }

  rows(head: TableHead, batch: Batch): string {
    let output = ''
    for (const row of plainRows(head, batch)) {
      const rule = ruleOf(row)
      if (!this.rules.has(rule.id)) this.rules.set(rule.id, rule)
      output += `${this.results === 0 ? '\n' : ',\n'}${encoded(resultOf(head, row))}`
      this.results++
    }
    return output
  }

  end(head: TableHead, warnings: readonly Warning[]): string {
    const driver = { name: 'salvor', version, semanticVersion: version, rules: [...this.rules.values()] }
    const notifications = warnings.map((warning) => ({
      level: isNote(warning) ? 'note' : 'warning',
      descriptor: { id: warning.code },
      message: { text: warning.message },
    }))
    const invocation = {
      executionSuccessful: !warnings.some(({ code }) => code === 'failed'),
      toolExecutionNotifications: notifications,
    }
    const artifact = { location: { uri: uriOf(head.image) }, roles: ['analysisTarget'] }
    return `],"tool":${encoded({ driver })},"invocations":${encoded([invocation])},"artifacts":${encoded([artifact])}}`
  }

  finish(): string {
    return this.runs === 0 ? '' : '\n]}\n'
  }
}
