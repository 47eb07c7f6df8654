/** What the analyzers `findings` and `rules` have in common. */

import type { CommonContext } from '../api/analyzer.js'
import type { Needs, OptionalTable } from '../api/needs.js'
import { option } from '../api/options.js'
import { type Known, needsOf, type Rule } from '../api/rule.js'
import { evaluate, type RuleResult } from './evaluate.js'
import { CONTAINERS, knownOf, PROCESSES } from './known.js'
import { switchedOff, withoutOption } from './switched-off.js'
import { ReadTables } from './tables.js'

export const ruleOptions = {
  without: withoutOption,
  evidence: option.files('A file that responders hold, as `evidence` joins it with memory'),
}

/** The tables that rules read, and those that every rule may ask. */
export function ruleNeeds(builtin: readonly Rule[]) {
  return { ...needsOf(builtin), containers: CONTAINERS, processes: PROCESSES }
}

export interface Evaluated {
  readonly results: readonly RuleResult[]
  readonly known: Known
}

/** All rules, evaluated over the tables of a run. A rule that fails is a defect of it, and a warning. */
export function evaluateAll(
  builtin: readonly Rule[],
  { tables, rules, options, warn }: CommonContext<typeof ruleOptions, Needs>,
): Evaluated {
  const all = [...builtin, ...rules]
  const read = new ReadTables(tables as Record<string, OptionalTable>)
  const known = knownOf(read)
  const results = evaluate(all, read, switchedOff(options.without, all), known)
  for (const { rule, failed } of results) {
    if (failed !== undefined) warn({ code: 'failed', message: `the rule ${rule.name} failed: ${failed}` })
  }
  return { results, known }
}
