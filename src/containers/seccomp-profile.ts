/** `linux.seccomp` of an OCI declaration: which system calls a container may make (runtime-spec, config-linux.md). */

import type { Verdict } from '../kernel/seccomp.js'
import { list, text, texts } from './json.js'

export interface SeccompProfile {
  /** Of calls that it does not name. */
  readonly otherwise: Verdict
  readonly calls: ReadonlyMap<string, Verdict>
  /** SCMP_ARCH_…; empty where it is for the machine's own. */
  readonly architectures: readonly string[]
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
  for (const rule of list(seccomp, 'syscalls')) {
    const verdict = verdictOf(text(rule, 'action'))
    // Older declarations have one name each.
    const names = [...texts(rule, 'names'), ...[text(rule, 'name')].filter((name) => name !== null)]
    const hasConditions = list(rule, 'args').length > 0
    for (const name of names) {
      // libseccomp: of two rules for all of a call the first stays, as podman's profile has them of setns.
      if (!hasConditions) whole.set(name, whole.get(name) ?? verdict)
      else some.set(name, (some.get(name) ?? new Set([otherwise])).add(verdict))
    }
  }
  // libseccomp: a rule without conditions goes before those with.
  const depending = [...some].map(([name, verdicts]) => [name, verdicts.size > 1 ? 'conditional' : otherwise] as const)
  return { otherwise, calls: new Map([...depending, ...whole]), architectures: texts(seccomp, 'architectures') }
}

function verdictOf(action: string | null): Verdict {
  if (action !== null && MADE.has(action)) return 'allowed'
  return action !== null && ASKED.has(action) ? 'conditional' : 'denied'
}
