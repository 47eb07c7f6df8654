import { deviceDrift } from './devices.js'
import { fileDrift } from './files.js'
import { mountDrift } from './mounts.js'
import { processDrift } from './processes.js'
import { seccompDrift } from './seccomp.js'
import type { Difference, DriftEvidence } from './types.js'

function limitDrift({ spec, limits }: DriftEvidence): Difference[] {
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

/** Every difference between what was declared of a container and what is so. */
export function driftOf(evidence: DriftEvidence): Difference[] {
  return [processDrift, seccompDrift, mountDrift, limitDrift, deviceDrift, fileDrift].flatMap((part) => part(evidence))
}
