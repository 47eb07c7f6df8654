/** Whether a filter of system calls holds arguments against what the declared profile does: told by trying calls out. */

import { ARGUMENTS, lowerHalf } from '../../kernel/bpf/arguments.js'
import type { SeccompTrial, Verdict } from '../../kernel/seccomp.js'
import { type ConditionalRule, type SeccompProfile, verdictWith } from '../seccomp-profile.js'

/** Calls that are tried of one name. */
const MOST_CALLS = 4096
const MOST_NUMBERS = 256
const ALL = 0xffff_ffff_ffff_ffffn
const LOW = 0xffff_ffffn

/** A call, as one that is treated otherwise than was declared. */
export interface OtherwiseTreated {
  readonly name: string
  readonly args: readonly bigint[]
  readonly declared: Verdict
  readonly actual: Verdict
}

/** Of each call that was declared to depend on its arguments, the first that is treated otherwise, for each way in which. */
export function treatedOtherwise(profile: SeccompProfile, trial: SeccompTrial): OtherwiseTreated[] {
  return [...profile.conditions].flatMap(([name, rules]) => {
    const calls = callsToTry(rules, trial)
    const actual = trial.verdicts(name, calls)
    const found = new Map<string, OtherwiseTreated>()
    calls.forEach((args, place) => {
      const declared = verdictWith(rules, profile.otherwise, args)
      const so = actual?.[place]
      if (declared === null || so === undefined || so === declared || found.has(`${declared} ${so}`)) return
      found.set(`${declared} ${so}`, { name, args, declared, actual: so })
    })
    return [...found.values()]
  })
}

/** Arguments that the rules or the filter tell apart, one at a time and then each with each, from calls that rules are about. */
function callsToTry(rules: readonly ConditionalRule[], trial: SeccompTrial): bigint[][] {
  const none = new Array<bigint>(ARGUMENTS).fill(0n)
  const bases = [none, ...rules.slice(0, 16).map((rule) => meeting(rule, none))]
  const numbers = none.map((_, index) => numbersOf(index, rules, trial))
  const calls: bigint[][] = [...bases]
  for (const base of bases) {
    numbers.forEach((values, index) => {
      for (const value of values) if (calls.length < MOST_CALLS) calls.push(base.with(index, value))
    })
  }
  for (const [index, values] of numbers.entries()) {
    for (const [other, others] of numbers.entries()) {
      if (other <= index) continue
      for (const value of values.slice(0, 16))
        for (const second of others.slice(0, 16))
          if (calls.length < MOST_CALLS) calls.push(none.with(index, value).with(other, second))
    }
  }
  return calls
}

/** Arguments for which a rule holds, but for one that demands what is not. */
function meeting({ conditions }: ConditionalRule, none: readonly bigint[]): bigint[] {
  const meets: Readonly<Record<string, (value: bigint, second: bigint) => bigint>> = {
    SCMP_CMP_NE: (value) => value ^ 1n,
    SCMP_CMP_LT: (value) => (value === 0n ? 0n : value - 1n),
    SCMP_CMP_GT: (value) => (value + 1n) & ALL,
    SCMP_CMP_MASKED_EQ: (_, second) => second,
  }
  const args = [...none]
  for (const { index, operation, value, second } of conditions) args[index] = meets[operation]?.(value, second) ?? value
  return args
}

/** Numbers at which something may change: what is compared with, what is beside it, each bit of a mask and none of them. */
function numbersOf(index: number, rules: readonly ConditionalRule[], { compared }: SeccompTrial): bigint[] {
  const about = rules.flatMap(({ conditions }) => conditions).filter((condition) => condition.index === index)
  const half = (offset: number) => [...(compared.get(offset) ?? [])].map(BigInt)
  const [low, high] = [half(lowerHalf(index)), half(lowerHalf(index) + 4)]
  if (about.length === 0 && low.length === 0 && high.length === 0) return []
  const declared = about.flatMap(({ value, second }) => [value, second, ...bitsOf(value).map((bit) => second ^ bit)])
  const masks = [...about.map(({ value }) => value), ...low]
  const around = [...declared, ...low, ...high.map((value) => value << 32n)]
  const all = [
    ...[0n, ALL, LOW, LOW + 1n],
    ...around.flatMap((value) => [value, value + 1n, value - 1n]),
    ...masks.flatMap((mask) => [...bitsOf(mask), ALL ^ mask, mask | (1n << 32n)]),
  ]
  return [...new Set(all.map((value) => value & ALL))].slice(0, MOST_NUMBERS)
}

function bitsOf(value: bigint): bigint[] {
  return Array.from({ length: 64 }, (_, bit) => 1n << BigInt(bit)).filter((bit) => (value & bit) !== 0n)
}
