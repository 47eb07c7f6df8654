import { fileDrift } from './files.js'
import { mountDrift } from './mounts.js'
import { processDrift } from './processes.js'
import type { Difference, DriftEvidence } from './types.js'

function resourceDrift({ spec, limits, device_programs }: DriftEvidence): Difference[] {
  const differences: Difference[] = []
  const add = (aspect: 'limit' | 'devices', name: string | null, declared: string, actual: string, weaker: boolean) =>
    differences.push({ aspect, name, declared, actual, weaker, process: null })
  const limit = (name: string, declared: number | null, actual: number | bigint | null) => {
    if (limits === null || declared === null || Number(actual ?? Number.POSITIVE_INFINITY) === declared) return
    add(
      'limit',
      name,
      `${declared}`,
      actual === null ? 'none' : `${actual}`,
      actual === null || Number(actual) > declared,
    )
  }
  limit('memory', spec.memory_limit, limits?.memory_limit ?? null)
  limit('pids', spec.pids_limit, limits?.pids_limit ?? null)
  if (spec.restricts_devices && device_programs === 0) {
    add('devices', null, 'a list of devices', 'no program decides: every device', true)
  }
  return differences
}

/** Every difference between what was declared of a container and what is so. */
export function driftOf(evidence: DriftEvidence): Difference[] {
  return [processDrift, mountDrift, resourceDrift, fileDrift].flatMap((part) => part(evidence))
}
