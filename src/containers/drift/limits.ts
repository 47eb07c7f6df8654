/** What a container may use, against what was declared. */

import type { Difference, DriftEvidence } from './types.js'

/** A cgroup of a container, of one hierarchy. */
interface LimitedCgroup {
  readonly path: string | null
  readonly memory_limit: number | bigint | null
  readonly pids_limit: number | bigint | null
}

/**
 * Limits of a container by its cgroups, its own first: on cgroup v1 that is in many hierarchies, and each limit in one of them.
 */
export function ownLimits(cgroups: readonly LimitedCgroup[]): DriftEvidence['limits'] {
  const own = cgroups.filter(({ path }) => path === cgroups[0]?.path)
  if (own.length === 0) return null
  const limit = (name: 'memory_limit' | 'pids_limit') => own.find((row) => row[name] !== null)?.[name] ?? null
  return { memory_limit: limit('memory_limit'), pids_limit: limit('pids_limit') }
}

export function limitDrift({ spec, limits }: DriftEvidence): Difference[] {
  const differences: Difference[] = []
  const add = (name: string, declared: string, actual: string, weaker: boolean) =>
    differences.push({ aspect: 'limit', name, declared, actual, weaker, process: null })
  const limit = (name: string, declared: number | null, actual: number | bigint | null) => {
    if (limits === null || declared === null || Number(actual ?? Number.POSITIVE_INFINITY) === declared) return
    add(name, `${declared}`, actual === null ? 'none' : `${actual}`, actual === null || Number(actual) > declared)
  }
  limit('memory', spec.memory_limit, limits?.memory_limit ?? null)
  limit('pids', spec.pids_limit, limits?.pids_limit ?? null)
  return differences
}
