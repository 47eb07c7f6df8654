/** `linux.seccomp` of an OCI declaration: which system calls a container may make (runtime-spec, config-linux.md). */

import { append } from '../append.js'
import type { Verdict } from '../kernel/seccomp.js'
import { field, integer, list, text, texts } from './json.js'

export interface SeccompProfile {
  /** Of calls that it does not name. */
  readonly otherwise: Verdict
  readonly calls: ReadonlyMap<string, Verdict>
  /** Of calls that depend on their arguments: on which, where that is understood. */
  readonly conditions: ReadonlyMap<string, readonly ConditionalRule[]>
  /** SCMP_ARCH_…; empty where it is for the machine's own. */
  readonly architectures: readonly string[]
}

/** One of a call's arguments, held against a number; of `SCMP_CMP_MASKED_EQ` the first is the mask. */
export interface Condition {
  readonly index: number
  readonly operation: string
  readonly value: bigint
  readonly second: bigint
}

/** All of its conditions hold where it counts. */
export interface ConditionalRule {
  readonly verdict: Verdict
  readonly conditions: readonly Condition[]
}

/** Arguments of a call. */
const ARGUMENTS = 6

const HOLDS: Readonly<Record<string, (argument: bigint, value: bigint, second: bigint) => boolean>> = {
  SCMP_CMP_NE: (argument, value) => argument !== value,
  SCMP_CMP_LT: (argument, value) => argument < value,
  SCMP_CMP_LE: (argument, value) => argument <= value,
  SCMP_CMP_EQ: (argument, value) => argument === value,
  SCMP_CMP_GE: (argument, value) => argument >= value,
  SCMP_CMP_GT: (argument, value) => argument > value,
  SCMP_CMP_MASKED_EQ: (argument, value, second) => (argument & value) === second,
}

/** Actions that let a call be made, and those that leave it to a tracer or a listener; all others forbid it. */
const MADE = new Set(['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG'])
const ASKED = new Set(['SCMP_ACT_TRACE', 'SCMP_ACT_NOTIFY'])

/** Null where it has none. */
export function readSeccompProfile(seccomp: unknown): SeccompProfile | null {
  const action = text(seccomp, 'defaultAction')
  if (action === null) return null
  const otherwise = verdictOf(action)
  const [whole, some] = [new Map<string, Verdict>(), new Map<string, Set<Verdict>>()]
  const conditional = new Map<string, ConditionalRule[]>()
  const notUnderstood = new Set<string>()
  for (const rule of list(seccomp, 'syscalls')) {
    const verdict = verdictOf(text(rule, 'action'))
    // Older declarations have one name each.
    const names = [...texts(rule, 'names'), ...[text(rule, 'name')].filter((name) => name !== null)]
    const hasConditions = list(rule, 'args').length > 0
    const conditions = hasConditions ? conditionsOf(rule) : null
    for (const name of names) {
      // libseccomp: of two rules for all of a call the first stays, as podman's profile has them of setns.
      if (!hasConditions) whole.set(name, whole.get(name) ?? verdict)
      else some.set(name, (some.get(name) ?? new Set([otherwise])).add(verdict))
      if (hasConditions && conditions === null) notUnderstood.add(name)
      for (const each of conditions ?? []) append(conditional, name, { verdict, conditions: each })
    }
  }
  // libseccomp: a rule without conditions goes before those with.
  const depending = [...some].map(([name, verdicts]) => [name, verdicts.size > 1 ? 'conditional' : otherwise] as const)
  const calls = new Map([...depending, ...whole])
  const depends = (name: string) => calls.get(name) === 'conditional' && !whole.has(name) && !notUnderstood.has(name)
  const conditions = new Map([...conditional].filter(([name]) => depends(name)))
  return { otherwise, calls, conditions, architectures: texts(seccomp, 'architectures') }
}

/**
 * What becomes of a call with these arguments; null where rules that hold contradict each other, for which one counts then
 * depends on how they were put together.
 */
export function verdictWith(
  rules: readonly ConditionalRule[],
  otherwise: Verdict,
  args: readonly bigint[],
): Verdict | null {
  const holding = rules.filter(({ conditions }) =>
    conditions.every(({ index, operation, value, second }) => HOLDS[operation]?.(args[index] ?? 0n, value, second)),
  )
  const verdicts = new Set(holding.map(({ verdict }) => verdict))
  if (verdicts.size > 1) return null
  const [verdict = otherwise] = verdicts
  return verdict
}

/**
 * The conditions of a rule, of which all must hold. One that names an argument twice is a rule for each of its conditions:
 * so runc and crun hand it over (libcontainer/seccomp/seccomp_linux.go, src/libcrun/seccomp.c). Null where one is not understood.
 */
function conditionsOf(rule: unknown): Condition[][] | null {
  const conditions = list(rule, 'args').map(conditionOf)
  const known = conditions.filter((condition) => condition !== null)
  if (known.length < conditions.length) return null
  const indexes = new Set(known.map(({ index }) => index))
  return indexes.size < known.length ? known.map((condition) => [condition]) : [known]
}

function conditionOf(arg: unknown): Condition | null {
  const [index, operation] = [integer(arg, 'index'), text(arg, 'op')]
  // Go leaves out a number that is 0; one of more than 53 bits is not what was written.
  const [value, second] = [numberOf(arg, 'value'), numberOf(arg, 'valueTwo')]
  if (index === null || index < 0 || index >= ARGUMENTS || operation === null || !Object.hasOwn(HOLDS, operation))
    return null
  return value === null || second === null ? null : { index, operation, value, second }
}

function numberOf(arg: unknown, name: string): bigint | null {
  const value = field(arg, name) === undefined ? 0 : integer(arg, name)
  return value === null || value < 0 ? null : BigInt(value)
}

function verdictOf(action: string | null): Verdict {
  if (action !== null && MADE.has(action)) return 'allowed'
  return action !== null && ASKED.has(action) ? 'conditional' : 'denied'
}
