/** The tables `findings` and `rules` out of what rules found. */

import { count, integer, list, type Row, record, text } from '../api/columns.js'
import type { KnownContainer, Severity } from '../api/rule.js'
import { SEVERITIES } from '../api/rule.js'
import { podName } from '../containers/pod-name.js'
import type { Found, RuleResult } from './evaluate.js'

export const findingColumns = {
  rule: text('Rule that found it', { nullable: false }),
  title: text('What the rule finds'),
  severity: text('How bad it is if it is right: info, low, medium, high or critical', { nullable: false }),
  confidence: text('How likely it is right: low, medium or high'),
  tactic: text("ATT&CK's tactic", { detail: true }),
  attack: list('ATT&CK techniques', { detail: true }),
  kubernetes_matrix: list('Ids of the threat matrix for Kubernetes', { detail: true }),
  pid: integer('Process that it is about', { meaning: 'pid' }),
  comm: text('Name of that process'),
  container: text('Id of the container that it is about; null for the host', { meaning: 'container' }),
  container_name: text('Name of that container', { meaning: 'container_name' }),
  pod: text('Its Kubernetes pod, as namespace/name', { meaning: 'pod', detail: true }),
  summary: text('What was found, in one sentence'),
  evidence: record('Rows that it rests on: table, and the key of the row', { detail: true }),
  next_steps: list('What to do next', { detail: true }),
}

export const ruleColumns = {
  rule: text('Rule', { nullable: false }),
  title: text('What it finds'),
  severity: text('How bad its findings are at most by themselves'),
  state: text('evaluated, partly or not evaluated: then finding nothing says nothing', { nullable: false }),
  reason: text('Why it was not evaluated, or only partly'),
  findings: count('Findings of it', { nullable: false }),
  confidence: text('How likely its findings are right', { detail: true }),
  tactic: text("ATT&CK's tactic", { detail: true }),
  attack: list('ATT&CK techniques', { detail: true }),
  kubernetes_matrix: list('Ids of the threat matrix for Kubernetes', { detail: true }),
  means: text('What it means where it is found', { detail: true }),
  next_steps: list('What to do next', { detail: true }),
  reads: list('Tables that it reads', { detail: true }),
}

type FindingRow = Row<typeof findingColumns>

/** More severe first. */
function rank(severity: string | null): number {
  return -SEVERITIES.indexOf(severity as Severity)
}

function compare(left: FindingRow, right: FindingRow): number {
  return (
    rank(left.severity) - rank(right.severity) ||
    order(left.rule, right.rule) ||
    order(left.container, right.container) ||
    Number(left.pid ?? -1) - Number(right.pid ?? -1) ||
    order(left.summary, right.summary)
  )
}

/** By code units, so that it is the same in every locale; null is first. */
function order(left: string | null, right: string | null): number {
  const [one, other] = [left ?? '', right ?? '']
  return one < other ? -1 : one > other ? 1 : 0
}

function findingRow({ rule }: RuleResult, found: Found, container: KnownContainer | undefined): FindingRow {
  const { about = {}, summary, evidence, severity = rule.severity, confidence = rule.confidence } = found
  const { pod_namespace = null, pod_name = null, name = null } = container ?? {}
  return {
    rule: rule.name,
    title: rule.title,
    severity,
    confidence,
    tactic: rule.tactic,
    attack: rule.attack,
    kubernetes_matrix: rule.kubernetes ?? [],
    pid: about.pid ?? null,
    comm: about.comm ?? null,
    container: about.container ?? null,
    container_name: name,
    pod: podName(pod_namespace, pod_name),
    summary,
    evidence,
    next_steps: rule.next,
  }
}

/** Most severe first, then by rule and place. */
export function findingRows(
  results: readonly RuleResult[],
  containerOf: (id: string | null | undefined) => KnownContainer | undefined,
): FindingRow[] {
  return results
    .flatMap((result) => result.findings.map((found) => findingRow(result, found, containerOf(found.about?.container))))
    .sort(compare)
}

/** In the rules' own order, by tactic. */
export function ruleRows(results: readonly RuleResult[]): Row<typeof ruleColumns>[] {
  return results.map(({ rule, state, reason, findings }) => ({
    rule: rule.name,
    title: rule.title,
    severity: rule.severity,
    state,
    reason,
    findings: findings.length,
    confidence: rule.confidence,
    tactic: rule.tactic,
    attack: rule.attack,
    kubernetes_matrix: rule.kubernetes ?? [],
    means: rule.means,
    next_steps: rule.next,
    reads: [...new Set(Object.values(rule.reads).map(({ analyzer }) => analyzer))].sort(),
  }))
}
