import { deviceDrift } from './devices.js'
import { fileDrift } from './files.js'
import { limitDrift } from './limits.js'
import { mountDrift } from './mounts.js'
import { processDrift } from './processes.js'
import { seccompDrift } from './seccomp.js'
import type { Difference, DriftEvidence } from './types.js'

/** Every difference between what was declared of a container and what is so. */
export function driftOf(evidence: DriftEvidence): Difference[] {
  return [processDrift, seccompDrift, mountDrift, limitDrift, deviceDrift, fileDrift].flatMap((part) => part(evidence))
}
