/** SELinux's label of a task, as /proc/PID/attr/current has it (security/selinux/ss/services.c, mls.c, sidtab.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { unlessLacking } from './lacking.js'
import { TASK_STRUCT } from './objects.js'
import {
  array,
  bytes,
  chain,
  type Field,
  hash,
  index,
  type Nested,
  optional,
  type Paths,
  type Selects,
  text,
} from './query.js'
import { readPointers, readTexts } from './values.js'

/** SYM_ROLES, SYM_TYPES, SYM_USERS, SYM_LEVELS and SYM_CATS (security/selinux/ss/policydb.h). */
const [ROLES, TYPES, USERS, LEVELS, CATEGORIES] = [2, 3, 4, 6, 7]
const SYMBOLS = [ROLES, TYPES, USERS, LEVELS, CATEGORIES]
/** Longest name of a policy that is read, and longest context that no policy knows. */
const LONGEST = 512
/** Categories of one level that are told: a policy has a thousand. */
const MOST_CATEGORIES = 1 << 16

const STATE = 'struct selinux_state'
/** The policy in force; before 5.10 it is part of the state. */
const policy = (member: string) => [`policy->${member}`, `ss->${member}`]

/** The names of a policy, by kind: how many there are, and where pointers to them lie. */
const POLICY: Selects = {
  initialized: 'initialized',
  mls: optional(policy('policydb.mls_enabled')),
  ...Object.fromEntries(
    SYMBOLS.flatMap((kind) => [
      [`names${kind}`, optional(policy(`policydb.sym_val_to_name[${kind}]`))],
      [`count${kind}`, optional(policy(`policydb.symtab[${kind}].nprim`))],
    ]),
  ),
}

/** Categories of a level: words of bits, each node from its first bit on. */
const categories = (of: Paths) =>
  ({
    walk: chain(of, 'struct ebitmap_node', 'next'),
    select: { maps: bytes('maps'), start: 'startbit' },
  }) satisfies Nested

const context = (...places: string[]) => {
  const at = (member: string) => places.map((place) => `${place}.${member}`)
  return {
    select: {
      ...{ user: at('user'), role: at('role'), type: at('type') },
      ...{ low: at('range.level[0].sens'), high: at('range.level[1].sens') },
      // What the policy does not know is kept as it was written.
      ...{ length: at('len'), written: text(at('str'), LONGEST * 8) },
    },
    children: { low: categories(at('range.level[0].cat.node')), high: categories(at('range.level[1].cat.node')) },
  } as const
}

const OF_ENTRY = context('context')
const ENTRIES = {
  walk: hash(policy('sidtab->context_to_sid'), 'struct sidtab_entry', 'list'),
  optional: true,
  select: { sid: 'sid', ...OF_ENTRY.select },
  children: OF_ENTRY.children,
} satisfies Nested
/** Those that the kernel itself begins with, the first of which has the number 1. */
const OF_FIRST = context('entry.context', 'context')
const FIRST = {
  walk: array(policy('sidtab->isids')),
  optional: true,
  select: { place: index(), set: 'set', ...OF_FIRST.select },
  children: OF_FIRST.children,
} satisfies Nested

type Contexts = Batch<(typeof OF_ENTRY)['select'], (typeof OF_ENTRY)['children']>

/** Labels of some tasks, in their order; null where SELinux has no policy in force, or is no part of the kernel. */
export function readSelinuxLabels(kernel: Kernel, tasks: readonly bigint[]): (string | null)[] | null {
  if (kernel.address('selinux_state') === null) return null
  const quiet = kernel.unheard()
  const state = quiet.at(kernel.addresses('selinux_state'), STATE).select(POLICY)
  const isInForce = state.length > 0 && state.column('initialized').number(0) === 1
  const sids = taskSids(isInForce ? kernel : quiet, isInForce ? tasks : [])
  const known = (isInForce ? kernel : quiet)
    .at(isInForce ? kernel.addresses('selinux_state') : [], STATE)
    .select({}, { entries: ENTRIES, first: FIRST })
  if (!isInForce) return null
  const names = new PolicyNames(kernel, state)
  const [entries, first] = [known.child('entries'), known.child('first')]
  const labels = new Map<number, string | null>()
  const wanted = new Set(sids)
  const add = (sid: number | null, batch: Contexts, row: number) => {
    if (sid !== null && wanted.has(sid) && !labels.has(sid)) labels.set(sid, contextText(batch, row, names))
  }
  for (let row = 0; row < first.length; row++) {
    if (first.column('set').number(row) === 1)
      add((first.column('place').number(row) ?? -2) + 1, first as unknown as Contexts, row)
  }
  for (let row = 0; row < entries.length; row++)
    add(entries.column('sid').number(row), entries as unknown as Contexts, row)
  const unknown = sids.filter((sid) => sid !== null && !labels.has(sid)).length
  if (unknown > 0) {
    const message = 'a label that is not among those of the policy'
    kernel.warn({ code: entries.length > 0 ? 'torn' : 'absent', column: 'label', message, count: unknown })
  }
  return sids.map((sid) => (sid === null ? null : (labels.get(sid) ?? null)))
}

/** The numbers that tasks' credentials have for their labels, at SELinux's place among the modules'. */
function taskSids(kernel: Kernel, tasks: readonly bigint[]): (number | null)[] {
  const held = kernel.at(tasks, TASK_STRUCT).select({
    security: 'real_cred->security',
    // Before 5.0 there was one place alone.
    offset: optional('symbol(struct lsm_blob_sizes selinux_blob_sizes).lbs_cred'),
  })
  const places = tasks.map((_, row) => {
    const security = held.column('security').bigint(row) ?? 0n
    return security === 0n ? 0n : security + (held.column('offset').bigint(row) ?? 0n)
  })
  const read = (type: string) => unlessLacking(() => kernel.at(places, type).select({ sid: 'sid' }))
  // From 6.17 on what is a task's is something else.
  const [now, before] = [read('struct cred_security_struct'), read('struct task_security_struct')]
  const sids = now.value ?? before.value
  return tasks.map((_, row) => (places[row] === 0n ? null : (sids?.column('sid').number(row) ?? null)))
}

/** What the policy calls its users, roles, types, sensitivities and categories. */
class PolicyNames {
  readonly hasLevels: boolean
  readonly #kernel: Kernel
  readonly #state: Batch<Selects>
  readonly #known = new Map<string, string | null>()

  constructor(kernel: Kernel, state: Batch<Selects>) {
    this.#kernel = kernel
    this.#state = state
    this.hasLevels = state.column('mls').number(0) !== 0
  }

  /** A name by its number, the first of which is 1; null for none. */
  of(kind: number, value: number | null): string | null {
    const key = `${kind} ${value}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const [table, count] = [
      this.#state.column(`names${kind}`).bigint(0) ?? 0n,
      this.#state.column(`count${kind}`).number(0) ?? 0,
    ]
    const isOne = value !== null && value >= 1 && value <= count && table !== 0n
    const pointers = isOne ? readPointers(this.#kernel, [table + BigInt(8 * (value - 1))]) : []
    const [name = null] = readTexts(this.#kernel, pointers, LONGEST)
    this.#known.set(key, name)
    return name
  }
}

function contextText(batch: Contexts, row: number, names: PolicyNames): string | null {
  const number = (name: 'user' | 'role' | 'type' | 'low' | 'high' | 'length') => batch.column(name).number(row)
  if (number('length') !== 0) return batch.column('written').text(row)
  const parts = [
    names.of(USERS, number('user')),
    names.of(ROLES, number('role')),
    names.of(TYPES, number('type')),
    ...(names.hasLevels ? [rangeText(batch, row, names)] : []),
  ]
  return parts.includes(null) ? null : parts.join(':')
}

/** One level, or two with a dash between. */
function rangeText(batch: Contexts, row: number, names: PolicyNames): string | null {
  const [low, high] = (['low', 'high'] as const).map((end) => {
    const bits = bitsOf(batch.child(end), row)
    const [level, words] = [names.of(LEVELS, batch.column(end).number(row)), categoryWords(bits, names)]
    return level === null || words === null ? null : `${level}${words === '' ? '' : `:${words}`}`
  })
  if (low == null || high == null) return null
  return low === high ? low : `${low}-${high}`
}

function bitsOf(nodes: Batch<{ maps: Field<'bytes'>; start: string }>, row: number): number[] {
  const bits: number[] = []
  for (const [node, parent] of nodes.parents.entries()) {
    if (parent !== row) continue
    const [maps, start] = [nodes.column('maps').bytes(node), nodes.column('start').number(node) ?? 0]
    for (const [at, byte] of (maps ?? []).entries()) {
      for (let bit = 0; bit < 8; bit++) if ((byte >> bit) & 1) bits.push(start + 8 * at + bit)
    }
    if (bits.length > MOST_CATEGORIES) break
  }
  return bits
}

/** `c1,c3,c5.c9`: two that follow each other are told apart, more are a range (mls_sid_to_context). */
export function categoryRuns(bits: readonly number[]): [first: number, last: number][] {
  const runs: [number, number][] = []
  for (const bit of bits) {
    const run = runs.at(-1)
    if (run !== undefined && bit === run[1] + 1) run[1] = bit
    else runs.push([bit, bit])
  }
  return runs
}

function categoryWords(bits: readonly number[], names: PolicyNames): string | null {
  const name = (bit: number) => names.of(CATEGORIES, bit + 1)
  const words = categoryRuns(bits).map(([first, last]) => {
    const [from, to] = [name(first), name(last)]
    if (from === null || to === null) return null
    return first === last ? from : `${from}${last - first > 1 ? '.' : ','}${to}`
  })
  return words.includes(null) ? null : words.join(',')
}
