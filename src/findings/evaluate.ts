/** Evaluates rules over tables. */

import type { Needs } from '../api/needs.js'
import type { Finding, Known, Rule, RuleTable, RuleTables } from '../api/rule.js'
import type { EvidenceKey, ReadTables } from './tables.js'

/** Findings of one rule that are kept; the row of the rule says that there were more. */
const MOST_FINDINGS = 1000
/** Reasons that are named for a rule; a table may have many warnings. */
const MOST_REASONS = 5

export interface Found extends Omit<Finding, 'evidence'> {
  readonly evidence: readonly EvidenceKey[]
}

/** How far a rule was evaluated. Where it was not, finding nothing says nothing. */
export type RuleState = 'evaluated' | 'partly' | 'not evaluated'

export interface RuleResult {
  readonly rule: Rule
  readonly state: RuleState
  /** Why it was not evaluated, or only partly. */
  readonly reason: string | null
  readonly findings: readonly Found[]
  /** It ended with an error, which is a defect of the rule. */
  readonly failed?: string
}

/** What is read for a rule, why some of it is not whole, and what cannot be done without but is not there. */
interface Prepared {
  readonly tables: Record<string, RuleTable | null>
  readonly partial: readonly string[]
  readonly missing?: string
}

function prepare(reads: Needs, tables: ReadTables): Prepared {
  const read: Record<string, RuleTable | null> = {}
  const partial: string[] = []
  for (const [as, need] of Object.entries(reads)) {
    const given = tables.get(need)
    read[as] = given.table
    if (given.table !== null) {
      partial.push(...given.partial.map(({ message }) => `${need.analyzer}: ${message}`))
    } else if (need.optional) partial.push(`${need.analyzer}: ${given.why}`)
    else return { tables: read, partial, missing: `${need.analyzer}: ${given.why}` }
  }
  return { tables: read, partial }
}

function reasonOf(reasons: readonly string[]): string | null {
  const distinct = [...new Set(reasons)]
  const more = distinct.length - MOST_REASONS
  if (distinct.length === 0) return null
  return [...distinct.slice(0, MOST_REASONS), ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
}

function evaluateOne(rule: Rule, tables: ReadTables, known: Known): RuleResult {
  const { tables: read, partial, missing } = prepare(rule.reads, tables)
  if (missing !== undefined) return { rule, state: 'not evaluated', reason: missing, findings: [] }
  const findings: Found[] = []
  const reasons = [...partial]
  try {
    const lacking = rule.lacks?.(read as RuleTables<Needs>) ?? null
    if (lacking !== null) return { rule, state: 'not evaluated', reason: lacking, findings }
    for (const finding of rule.find(read as RuleTables<Needs>, known)) {
      if (findings.length >= MOST_FINDINGS) {
        reasons.unshift(`more than ${MOST_FINDINGS} findings: the others are left out`)
        break
      }
      findings.push({ ...finding, evidence: finding.evidence.map((row) => tables.keyOf(row)) })
    }
  } catch (error) {
    const failed = error instanceof Error ? error.message : String(error)
    return { rule, state: 'not evaluated', reason: `it failed: ${failed}`, findings, failed }
  }
  const reason = reasonOf(reasons)
  return { rule, state: reason === null ? 'evaluated' : 'partly', reason, findings }
}

/** Evaluates all rules but those that are switched off, each with its reason. */
export function evaluate(
  rules: readonly Rule[],
  tables: ReadTables,
  off: ReadonlyMap<string, string>,
  known: Known,
): RuleResult[] {
  return rules.map((rule) => {
    const why = off.get(rule.name)
    if (why === undefined) return evaluateOne(rule, tables, known)
    return { rule, state: 'not evaluated', reason: `switched off: ${why}`, findings: [] }
  })
}
