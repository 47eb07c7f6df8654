/** Which devices the cgroup of a container lets it use, against what was declared. */

import { accessBits, type DeviceRule, declaredAccess } from '../../kernel/device-access.js'
import type { Difference, DriftEvidence } from './types.js'

const character = (major: number | null, minor: number | null, access: string): DeviceRule => ({
  allow: true,
  types: [2],
  major,
  minor,
  bits: accessBits(access),
})

/** What runc and crun allow beside what is declared (libcontainer/specconv/spec_linux.go, crun's cgroup-resources.c). */
const RUNTIMES_OWN: readonly DeviceRule[] = [
  { allow: true, types: [1, 2], major: null, minor: null, bits: accessBits('m') },
  // null, zero, full, random and urandom; tty, console and ptmx; terminals; until runc 1.2 tun.
  ...[3, 5, 7, 8, 9].map((minor) => character(1, minor, 'rwm')),
  ...[0, 1, 2].map((minor) => character(5, minor, 'rwm')),
  character(136, null, 'rwm'),
  character(10, 200, 'rwm'),
]

export function deviceDrift({ spec, devices }: DriftEvidence): Difference[] {
  const differences: Difference[] = []
  const add = (name: string | null, declared: string, actual: string, weaker: boolean | null) =>
    differences.push({ aspect: 'devices', name, declared, actual, weaker, process: null })
  if (devices === null || spec.devices.length === 0) return []
  if (devices === 'none') {
    if (spec.restricts_devices) add(null, 'a list of devices', 'no program decides: every device', true)
    return differences
  }
  const { access, reason } = devices
  if (access === null) {
    add(null, 'a list of devices', `not told: ${reason ?? 'unknown'}`, null)
    return differences
  }
  const more = access.without(declaredAccess([...spec.devices, ...RUNTIMES_OWN])).rules()
  const less = declaredAccess(spec.devices).without(access).rules()
  if (more.length > 0) add(more.join(', '), 'not allowed', 'allowed', true)
  if (less.length > 0) add(less.join(', '), 'allowed', 'not allowed', false)
  return differences
}
