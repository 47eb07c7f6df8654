/** Numbers that a filter of system calls holds arguments against: with what a call is tried. */

import type { Steps } from './steps.js'

/** Where arguments lie in `struct seccomp_data`, six of 64 bits (include/uapi/linux/seccomp.h). */
const FIRST = 16
export const ARGUMENTS = 6
const LAST = FIRST + 8 * ARGUMENTS
/** Numbers for one half of an argument: more were made to exhaust memory. */
const MOST_NUMBERS = 64

/**
 * Numbers that halves of arguments are compared with or masked by, by where the half lies. Programs load what they compare:
 * what follows a load, until the next one, is about it. They are tried, not believed: one that is missing misses a trial.
 */
export function comparedNumbers({ steps }: Steps): ReadonlyMap<number, ReadonlySet<number>> {
  const found = new Map<number, Set<number>>()
  let half: Set<number> | null = null
  for (const step of steps) {
    if (step.kind === 'load') {
      const isArgument = step.size === 4 && step.offset >= FIRST && step.offset < LAST && step.offset % 4 === 0
      half = isArgument ? (found.get(step.offset) ?? new Set()) : null
      if (half !== null) found.set(step.offset, half)
    }
    const operand = step.kind === 'compare' ? step.right : step.kind === 'compute' ? step.by : null
    if (half !== null && operand !== null && 'value' in operand && half.size < MOST_NUMBERS)
      half.add(operand.value >>> 0)
  }
  return found
}

/** Where an argument's lower half lies on a machine whose least byte comes first, as all that salvor reads. */
export function lowerHalf(index: number): number {
  return FIRST + 8 * index
}

/** What a filter is given of some calls of one number, of one architecture: the arguments of each. */
export function givenCalls(number: number, architecture: number, calls: readonly (readonly bigint[])[]) {
  const halves = new Map<number, Uint32Array>()
  const half = (offset: number) => {
    const [index, shift] = [(offset - FIRST) >> 3, offset % 8 === 0 ? 0n : 32n]
    const known = halves.get(offset) ?? Uint32Array.from(calls, (args) => Number(((args[index] ?? 0n) >> shift) & LOW))
    halves.set(offset, known)
    return known
  }
  return (offset: number, size: number) => {
    if (size !== 4) return null
    if (offset === 0) return { of: number, sampled: false }
    if (offset === 4) return { of: architecture, sampled: false }
    const isArgument = offset >= FIRST && offset < LAST && offset % 4 === 0
    return isArgument ? { of: half(offset), sampled: false } : null
  }
}

const LOW = 0xffff_ffffn
