/** Which devices may be used in which way: what lists of rules and programs come to, so that they can be compared. */

/** DEVCG_DEV_BLOCK and DEVCG_DEV_CHAR (include/linux/device_cgroup.h), as BPF programs have them too. */
export type DeviceType = 1 | 2
export const DEVICE_TYPES: readonly DeviceType[] = [1, 2]
const LETTERS: Readonly<Record<DeviceType, string>> = { 1: 'b', 2: 'c' }

/** DEVCG_ACC_MKNOD, _READ and _WRITE (include/linux/device_cgroup.h), in the order in which rules have them. */
const ACCESS = [
  [2, 'r'],
  [4, 'w'],
  [1, 'm'],
] as const
/** What may be asked for at once. */
export const MASKS = [1, 2, 3, 4, 5, 6, 7] as const
const EVERYTHING = 7
/** Every number that is not named. */
const OTHER = -1

/** Why something is not told. */
export interface Untold {
  readonly reason: string
}

/** What may be asked for of a device: some of `MASKS`. */
export type Allowed = (type: DeviceType, major: number, minor: number) => readonly number[]

/** Devices, and what is allowed of each. */
export class DeviceAccess {
  readonly majors: readonly number[]
  readonly minors: readonly number[]
  readonly #allowed: Allowed

  /** `allowed` does not tell apart numbers that are neither in `majors` nor in `minors`. */
  constructor(majors: readonly number[], minors: readonly number[], allowed: Allowed) {
    this.majors = ascending(majors)
    this.minors = ascending(minors)
    this.#allowed = allowed
  }

  /** Bits of all that may be done with a device. */
  bits(type: DeviceType, major: number, minor: number): number {
    return this.#allowed(type, major, minor).reduce((bits, mask) => bits | mask, 0)
  }

  /** What both of them allow. */
  and(other: DeviceAccess): DeviceAccess {
    return this.#with(other, (type, major, minor) => {
      const theirs = other.#allowed(type, major, minor)
      return this.#allowed(type, major, minor).filter((mask) => theirs.includes(mask))
    })
  }

  /** What this allows and the other does not. */
  without(other: DeviceAccess): DeviceAccess {
    return this.#with(other, (type, major, minor) => {
      const more = this.bits(type, major, minor) & ~other.bits(type, major, minor)
      return MASKS.filter((mask) => (mask & ~more) === 0)
    })
  }

  #with(other: DeviceAccess, allowed: Allowed): DeviceAccess {
    return new DeviceAccess([...this.majors, ...other.majors], [...this.minors, ...other.minors], allowed)
  }

  /** As rules: `c 1:3 rwm`, `b *:* m`; one with `none` takes from what a wider one gives. */
  rules(): string[] {
    const found = DEVICE_TYPES.flatMap((type) => this.#rulesOf(type))
    return found.length === 2 && found[0] === 'b *:* rwm' && found[1] === 'c *:* rwm' ? ['a *:* rwm'] : found
  }

  #rulesOf(type: DeviceType): string[] {
    const found: string[] = []
    const rule = (major: number, minor: number, bits: number) => {
      const of = (number: number) => (number === OTHER ? '*' : `${number}`)
      found.push(`${LETTERS[type]} ${of(major)}:${of(minor)} ${accessText(bits)}`)
    }
    const all = this.bits(type, OTHER, OTHER)
    if (all !== 0) rule(OTHER, OTHER, all)
    for (const minor of this.minors) {
      const bits = this.bits(type, OTHER, minor)
      if (bits !== all) rule(OTHER, minor, bits)
    }
    for (const major of this.majors) {
      const most = this.bits(type, major, OTHER)
      if (most !== all) rule(major, OTHER, most)
      for (const minor of this.minors) {
        const bits = this.bits(type, major, minor)
        // What is so for the major, or for the minor of any, is said already.
        if (bits !== most && !(most === all && bits === this.bits(type, OTHER, minor))) rule(major, minor, bits)
      }
    }
    return found
  }
}

function accessText(bits: number): string {
  const letters = ACCESS.filter(([bit]) => (bits & bit) !== 0).map(([, letter]) => letter)
  return letters.length === 0 ? 'none' : letters.join('')
}

function ascending(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((one, other) => one - other)
}

/** A rule; a number that is null is any. */
export interface DeviceRule {
  readonly allow: boolean
  readonly types: readonly DeviceType[]
  readonly major: number | null
  readonly minor: number | null
  readonly bits: number
}

function isAbout(rule: DeviceRule, type: DeviceType, major: number, minor: number): boolean {
  return (
    rule.types.includes(type) &&
    (rule.major === null || rule.major === major) &&
    (rule.minor === null || rule.minor === minor)
  )
}

function numbersOf(rules: readonly DeviceRule[], which: 'major' | 'minor'): number[] {
  return rules.flatMap((rule) => rule[which] ?? [])
}

/** Rules of which later ones count before earlier ones, beginning with nothing (runtime-spec, config-linux.md). */
export function declaredAccess(rules: readonly DeviceRule[]): DeviceAccess {
  return new DeviceAccess(numbersOf(rules, 'major'), numbersOf(rules, 'minor'), (type, major, minor) => {
    const about = rules.filter((rule) => isAbout(rule, type, major, minor))
    const bits = about.reduce((before, rule) => (rule.allow ? before | rule.bits : before & ~rule.bits), 0)
    return MASKS.filter((mask) => (mask & ~bits) === 0)
  })
}

/** v1's list of exceptions to what is so of all others (devcgroup_legacy_check_permission(), security/device_cgroup.c). */
export function listedAccess(allowsOthers: boolean, exceptions: readonly DeviceRule[]): DeviceAccess {
  return new DeviceAccess(numbersOf(exceptions, 'major'), numbersOf(exceptions, 'minor'), (type, major, minor) => {
    const about = exceptions.filter((rule) => isAbout(rule, type, major, minor))
    if (allowsOthers) return MASKS.filter((mask) => about.every(({ bits }) => (mask & bits) === 0))
    return MASKS.filter((mask) => about.some(({ bits }) => (mask & ~bits) === 0))
  })
}

/** Every device in every way. */
export const EVERY_DEVICE = declaredAccess([
  { allow: true, types: DEVICE_TYPES, major: null, minor: null, bits: EVERYTHING },
])

/** Bits of letters: `rwm`. */
export function accessBits(letters: string): number {
  return ACCESS.reduce((bits, [bit, letter]) => (letters.includes(letter) ? bits | bit : bits), 0)
}
