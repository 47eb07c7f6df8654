/** Which system calls the filters of a container let through, against what its declared profile does. */

import { append } from '../../append.js'
import type { Verdict } from '../../kernel/seccomp.js'
import type { SeccompProfile } from '../seccomp-profile.js'
import { treatedOtherwise } from './seccomp-arguments.js'
import type { Difference, DriftEvidence, DriftFilter } from './types.js'

/** The more a verdict lets through, the higher. */
const RANK: Readonly<Record<Verdict, number>> = { denied: 0, conditional: 1, allowed: 2 }

/** Calls by how they differ: what was declared, what is so. */
function differing(profile: SeccompProfile, verdicts: ReadonlyMap<string, Verdict>): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const [name, actual] of verdicts) {
    const declared = profile.calls.get(name) ?? profile.otherwise
    if (declared !== actual) append(groups, `${declared} ${actual}`, name)
  }
  return groups
}

function ofFilter(profile: SeccompProfile, filter: DriftFilter): Omit<Difference, 'process'>[] {
  const differences: Omit<Difference, 'process'>[] = []
  const add = (name: string, declared: string, actual: string, weaker: boolean | null) =>
    differences.push({ aspect: 'seccomp', name, declared, actual, weaker })
  if (filter.verdicts === null) add('filter', 'a profile', `not told: ${filter.reason ?? 'unknown'}`, null)
  for (const [change, names] of differing(profile, filter.verdicts ?? new Map())) {
    const [declared, actual] = change.split(' ') as [Verdict, Verdict]
    add(names.join(' '), declared, actual, RANK[actual] > RANK[declared])
  }
  // Of those that depend on their arguments both here and there, on which.
  for (const { name, args, declared, actual } of filter.trial === null ? [] : treatedOtherwise(profile, filter.trial)) {
    if (filter.verdicts?.get(name) !== 'conditional') continue
    const given = args.map((arg) => `0x${arg.toString(16)}`).join(', ')
    add(`${name}(${given})`, declared, actual, RANK[actual] > RANK[declared])
  }
  if (filter.bypassed.length > 0)
    add(filter.bypassed.join(' '), 'filtered', 'the kernel lets them pass the filter', true)
  if (filter.changed) add('filter', 'what was handed to the kernel', 'the kernel runs something else', null)
  return differences
}

/** One for each filter: those that were added to the first process's own only make it stricter. */
export function seccompDrift({ spec, init, processes, filters }: DriftEvidence): Difference[] {
  const profile = spec.seccomp_profile
  if (profile === null) return []
  const first = filters.find(({ pids }) => init?.pid != null && pids.has(init.pid))
  return filters.flatMap((filter) => {
    const isStricter = filter !== first && first?.chain[0] !== undefined && filter.chain.includes(first.chain[0])
    if (isStricter && filter.bypassed.length === 0 && !filter.changed) return []
    const held = processes.filter(({ pid }) => pid !== null && filter.pids.has(pid))
    const process = held.find(({ pid }) => pid === init?.pid) ?? held[0] ?? null
    return ofFilter(profile, filter).map((difference) => ({ ...difference, process }))
  })
}
