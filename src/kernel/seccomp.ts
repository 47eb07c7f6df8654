/** `struct seccomp_filter`: which system calls a task may make (kernel/seccomp.c). */

import { comparedNumbers, givenCalls } from './bpf/arguments.js'
import { type Evaluated, Evaluator, isAmong, MOST_WORK, numberOf } from './bpf/evaluate.js'
import { classicSteps, extendedSteps, type Steps } from './bpf/steps.js'
import type { Kernel } from './kernel.js'
import { rulesOf, TASK_STRUCT } from './objects.js'
import { bytes, chain, type Nested, optional } from './query.js'
import { systemCalls } from './system-calls.js'

const FILTER = 'struct seccomp_filter'
/** BPF_MAXINSNS (include/uapi/linux/bpf_common.h) in bytes, and what one may become when the kernel translates it. */
const MOST_CLASSIC = 4096 * 8
const MOST_EXTENDED = 8 * MOST_CLASSIC
/** SECCOMP_RET_ACTION_FULL (include/uapi/linux/seccomp.h). */
const ACTION = 0xffff_0000
/** SECCOMP_RET_*, the strictest first: of several filters that counts. What is none of them kills. */
const ACTIONS: readonly (readonly [action: number, name: string])[] = [
  [0x8000_0000, 'kill_process'],
  [0x0000_0000, 'kill_thread'],
  [0x0003_0000, 'trap'],
  [0x0005_0000, 'errno'],
  [0x7fc0_0000, 'user_notif'],
  [0x7ff0_0000, 'trace'],
  [0x7ffc_0000, 'log'],
  [0x7fff_0000, 'allow'],
]
/** Bits of actions, by their places above: a call is made, somebody else decides, any of them. */
const MADE = 0xc0
const ASKED = 0x30
const ANY = 0xff
/** A number that no call has. */
const NO_CALL = 0x3fff_fffe
/** From here on calls are called the same in all architectures and in the kernel (arch/x86/entry/syscalls/syscall_64.tbl). */
const COMMON_CALLS = 424
/** What the kernel calls the function of a call: from 4.17 on by the kind of program, and before. */
const FUNCTIONS = ['__x64_sys_', '__arm64_sys_', 'sys_', 'SyS_']
/** Calls that probes make, which no filter is asked about (6.12): they are remembered as allowed. */
const NEVER_ASKED = new Set(['uretprobe', 'uprobe'])
/** Numbers of calls of other kinds of programs; 7.1 has 471, and x32 numbers of its own from 512 to 547. */
const OTHER_CALLS = 548

interface Kind {
  readonly name: string
  /** AUDIT_ARCH_* (include/uapi/linux/audit.h). */
  readonly architecture: number
  /** What numbers of calls begin at. */
  readonly base: number
}

/** Programs that an architecture runs, its own first. */
const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  x86_64: [
    { name: 'x86-64', architecture: 0xc000_003e, base: 0 },
    // __X32_SYSCALL_BIT (arch/x86/include/uapi/asm/unistd.h).
    { name: 'x32', architecture: 0xc000_003e, base: 0x4000_0000 },
    { name: 'i386', architecture: 0x4000_0003, base: 0 },
  ],
  arm64: [
    { name: 'arm64', architecture: 0xc000_00b7, base: 0 },
    { name: 'arm', architecture: 0x4000_0028, base: 0 },
  ],
}

/** Whether a call is made: where its arguments, or another process, decide that, it is conditional. */
export type Verdict = 'allowed' | 'denied' | 'conditional'

/** What holds a task. */
export interface SeccompTask {
  task: bigint
  mode: number | null
  /** Of the newest of its filters. */
  filter: bigint | null
}

/** A filter with those that were there before it, all of which are asked. */
export interface SeccompChain {
  /** Of the newest. */
  address: bigint
  /** All of them, the newest first. */
  chain: bigint[]
  /** Instructions of all of them, as processes handed them to the kernel; null where it kept none. */
  instructions: number | null
  /** Whether what it does not allow is logged. */
  log: boolean | null
  /** Whether another process decides about some calls. */
  listener: boolean | null
  /** By a call's name; null where some filter is not told. */
  verdicts: ReadonlyMap<string, Verdict> | null
  /** What is done with calls that nobody knows: `errno`, `allow`. */
  otherwise: string | null
  /** Programs of other kinds, and how many numbers are allowed to these. */
  others: { kind: string; allowed: number }[]
  /** Calls that the kernel lets through by what it remembers of the filter, though the filter does not. */
  bypassed: string[] | null
  /** Whether the kernel's translation does something else than what it was made from. */
  changed: boolean | null
  /** Why it is not told. */
  reason: string | null
}

const MEMBERS = {
  // From 4.14 on; listeners from 5.0, and what is remembered from 5.11.
  log: optional('log'),
  listener: optional('notif'),
  remembered: optional(bytes('cache.allow_native')),
  length: 'prog->orig_prog->len',
  classic: bytes('prog->orig_prog->filter', { length: 'prog->orig_prog->len << 3', max: MOST_CLASSIC }),
  extended: bytes('prog->insnsi', { length: 'prog->len << 3', max: MOST_EXTENDED }),
} as const

const OLDER = { walk: chain('prev', FILTER, 'prev'), select: {} } satisfies Nested

/** What holds each of some tasks, in their order. */
export function readSeccompTasks(kernel: Kernel, tasks: readonly bigint[]): SeccompTask[] {
  const batch = kernel
    .at(tasks, TASK_STRUCT)
    .select({ mode: optional('seccomp.mode'), filter: optional('seccomp.filter') })
  return Array.from({ length: batch.length }, (_, row) => ({
    task: batch.address(row),
    mode: batch.column('mode').number(row),
    filter: batch.column('filter').bigint(row) || null,
  }))
}

/** Filters with those before them, by the address of the newest; read once per image for all that tasks have. */
export function readSeccompChains(kernel: Kernel, filters: Iterable<bigint>): Map<bigint, SeccompChain> {
  const batch = kernel.at(new Set(filters), FILTER).obeying(rulesOf(FILTER)).select({}, { older: OLDER })
  const older = batch.child('older')
  const before = older.byParent()
  const chains = Array.from({ length: batch.length }, (_, row) => [
    batch.address(row),
    ...(before.get(row) ?? []).map((place) => older.address(place)),
  ])
  const read = readFilters(kernel, new Set(chains.flat()))
  const judge = new Judge(kernel.info.architecture, ownCalls(kernel))
  return new Map(chains.map((chain) => [chain[0] ?? 0n, judge.chain(chain, read)]))
}

/** What filters do with calls whose arguments are known. */
export interface SeccompTrial {
  /** Numbers that halves of arguments are held against, by where the half lies in `struct seccomp_data`. */
  readonly compared: ReadonlyMap<number, ReadonlySet<number>>
  /** What becomes of a call with each of some lists of arguments; null where it is not told. */
  verdicts(name: string, calls: readonly (readonly bigint[])[]): Verdict[] | null
}

/** Tries the filters of each of some chains, by the address of the newest; one whose programs are not all there is none. */
export function readSeccompTrials(
  kernel: Kernel,
  chains: readonly (readonly bigint[])[],
): ReadonlyMap<bigint, SeccompTrial> {
  const read = readFilters(kernel, new Set(chains.flat()))
  const numbers = new Map([...ownCalls(kernel)].map(([number, name]) => [name, number]))
  return new Map(
    chains.flatMap((chain): [bigint, SeccompTrial][] => {
      const programs = chain.flatMap((address) => programOf(read.get(address)) ?? [])
      const trial = programs.length < chain.length ? null : seccompTrial(kernel.info.architecture, numbers, programs)
      return trial === null ? [] : [[chain[0] ?? 0n, trial]]
    }),
  )
}

/** Tries programs that are all asked, by the numbers of calls; null where there is none, or the architecture is not known. */
export function seccompTrial(
  architecture: string,
  numbers: ReadonlyMap<string, number>,
  programs: readonly Steps[],
): SeccompTrial | null {
  const [own] = KINDS[architecture] ?? []
  return own === undefined || programs.length === 0 ? null : new Trial(own, numbers, programs)
}

/** What the kernel runs of a filter, else what that was made from. */
function programOf(filter: Filter | undefined): Steps | null {
  const { extended = null, classic = null } = filter ?? {}
  if (extended !== null && extended.length > 0) return extendedSteps(extended)
  return classic !== null && classic.length > 0 ? classicSteps(classic) : null
}

class Trial implements SeccompTrial {
  readonly #kind: Kind
  readonly #numbers: ReadonlyMap<string, number>
  readonly #programs: readonly Steps[]
  readonly compared: ReadonlyMap<number, ReadonlySet<number>>
  /** Of the work that all trials of it may make, however many calls a profile names. */
  #left = MOST_WORK

  constructor(kind: Kind, numbers: ReadonlyMap<string, number>, programs: readonly Steps[]) {
    this.#kind = kind
    this.#numbers = numbers
    this.#programs = programs
    const all = programs.flatMap((program) => [...comparedNumbers(program)])
    this.compared = all.reduce((found, [half, values]) => {
      found.set(half, new Set([...(found.get(half) ?? []), ...values]))
      return found
    }, new Map<number, Set<number>>())
  }

  verdicts(name: string, calls: readonly (readonly bigint[])[]): Verdict[] | null {
    const number = this.#numbers.get(name)
    if (number === undefined) return null
    const load = givenCalls(number, this.#kind.architecture, calls)
    const evaluator = new Evaluator(calls.length, load, this.#left)
    const each = this.#programs.map((program) => actionsOf(evaluator.run(program), calls.length))
    this.#left -= evaluator.work
    const actions = strictest(each)
    return actions === undefined || typeof actions === 'string' ? null : Array.from(actions, verdictOf)
  }
}

interface Filter {
  log: boolean | null
  listener: boolean | null
  remembered: Uint8Array | null
  length: number | null
  classic: Uint8Array | null
  extended: Uint8Array | null
}

function readFilters(kernel: Kernel, addresses: ReadonlySet<bigint>): Map<bigint, Filter> {
  const batch = kernel.at(addresses, FILTER).select(MEMBERS)
  const flag = (value: bigint | null) => (value === null ? null : value !== 0n)
  return new Map(
    Array.from({ length: batch.length }, (_, row) => [
      batch.address(row),
      {
        log: flag(batch.column('log').bigint(row)),
        listener: flag(batch.column('listener').bigint(row)),
        remembered: batch.column('remembered').bytes(row),
        length: batch.column('length').number(row),
        classic: batch.column('classic').bytes(row),
        extended: batch.column('extended').bytes(row),
      },
    ]),
  )
}

/** The calls that this kernel has, by number. */
function ownCalls(kernel: Kernel): Map<number, string> {
  const calls = [...systemCalls(kernel.info.architecture)]
  const hasFunction = (name: string) => FUNCTIONS.some((prefix) => kernel.address(`${prefix}${name}`) !== null)
  const last = calls.findLast(([call, name]) => call >= COMMON_CALLS && hasFunction(name))?.[0]
  if (last !== undefined) return new Map(calls.filter(([call]) => call <= last))
  return new Map(hasFunction('read') ? calls.filter(([call]) => call < COMMON_CALLS) : calls)
}

/** Actions of a call, a bit each, by the call's place among those of a kind of program. */
type Actions = Uint8Array | string

interface KnownKind {
  readonly kind: Kind
  readonly numbers: Uint32Array
  readonly evaluator: Evaluator
}

/** Knows what filters do, each program once. */
class Judge {
  readonly #kinds: KnownKind[]
  readonly #names: readonly string[]
  readonly #calls: readonly number[]
  readonly #known = new Map<string, Actions[]>()

  constructor(architecture: string, calls: ReadonlyMap<number, string>) {
    this.#names = [...calls.values()]
    this.#calls = [...calls.keys()]
    this.#kinds = (KINDS[architecture] ?? []).map((kind, place) => {
      const own = place === 0 ? [...this.#calls, NO_CALL] : Array.from({ length: OTHER_CALLS }, (_, call) => call)
      const numbers = Uint32Array.from(own, (call) => kind.base + call)
      return { kind, numbers, evaluator: new Evaluator(numbers.length, given(kind, numbers)) }
    })
  }

  chain(chain: readonly bigint[], filters: ReadonlyMap<bigint, Filter>): SeccompChain {
    const all = chain.map((address) => filters.get(address) ?? null)
    const [newest = null] = all
    const lengths = all.map((filter) => filter?.length ?? null)
    const each = all.map((filter) => this.#enforced(filter))
    const [own, ...others] = this.#kinds.map((_, place) => strictest(each.map(({ actions }) => actions[place])))
    const about = {
      address: chain[0] ?? 0n,
      chain: [...chain],
      instructions: lengths.includes(null) ? null : lengths.reduce<number>((sum, length) => sum + (length ?? 0), 0),
      log: newest?.log ?? null,
      listener: all.some((filter) => filter?.listener) || (newest?.listener ?? null),
      changed: each.some(({ changed }) => changed) || (each.some(({ changed }) => changed === null) ? null : false),
    }
    if (own === undefined || typeof own === 'string') {
      const reason = own ?? 'its calls have no names here'
      return { ...about, verdicts: null, otherwise: null, others: [], bypassed: null, reason }
    }
    const verdicts = this.#names.map((name, place) => [name, verdictOf(own[place] ?? ANY)] as const)
    return {
      ...about,
      verdicts: new Map(verdicts),
      otherwise: actionNames(own.at(-1) ?? ANY).join(' or '),
      others: others.flatMap((actions, place) =>
        actions === undefined || typeof actions === 'string'
          ? []
          : {
              kind: this.#kinds[place + 1]?.kind.name ?? '',
              allowed: actions.filter((set) => verdictOf(set) === 'allowed').length,
            },
      ),
      bypassed: newest?.remembered == null ? null : this.#bypassed(newest.remembered, own),
      reason: null,
    }
  }

  /** What the kernel does by the translation that it runs; by what it was made from, where that is all there is. */
  #enforced(filter: Filter | null): { actions: Actions[]; changed: boolean | null } {
    const runs = this.#program(filter?.extended, true, this.#kinds)
    // What it was made from is held against it for programs of the kernel's own kind, which most are.
    const isTold = runs.every((each) => typeof each !== 'string')
    const asked = this.#program(filter?.classic, false, isTold ? this.#kinds.slice(0, 1) : this.#kinds)
    const changed = isTold && typeof asked[0] === 'object' ? !areEqual(asked[0], runs[0]) : null
    return { actions: isTold ? runs : asked, changed }
  }

  #program(code: Uint8Array | null | undefined, isExtended: boolean, kinds: readonly KnownKind[]): Actions[] {
    if (code == null || code.length === 0) return kinds.map(() => 'its instructions are not there')
    const key = `${isExtended ? 'e' : 'c'}${kinds.length}${Buffer.from(code).toString('latin1')}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const program = isExtended ? extendedSteps(code) : classicSteps(code)
    const found = kinds.map(({ numbers, evaluator }) => actionsOf(evaluator.run(program), numbers.length))
    this.#known.set(key, found)
    return found
  }

  /** Calls are remembered that are allowed whatever their arguments are (seccomp_cache_prepare()). */
  #bypassed(remembered: Uint8Array, own: Uint8Array): string[] {
    const isSet = (call: number) => ((remembered[call >> 3] ?? 0) & (1 << (call & 7))) !== 0
    return this.#names.filter(
      (name, place) =>
        isSet(this.#calls[place] ?? 0) && verdictOf(own[place] ?? ANY) !== 'allowed' && !NEVER_ASKED.has(name),
    )
  }
}

/** `struct seccomp_data`: the number, the architecture, and then where the call is made and its arguments. */
function given({ architecture }: Kind, numbers: Uint32Array) {
  return (offset: number, size: number) => {
    if (size !== 4) return null
    return offset === 0 ? { of: numbers, sampled: false } : offset === 4 ? { of: architecture, sampled: false } : null
  }
}

function actionsOf({ returned, reason }: Evaluated, length: number): Actions {
  if (returned === null) return reason
  const actions = new Uint8Array(length)
  for (const { inputs, value } of returned) {
    for (let call = 0; call < length; call++) {
      if (isAmong(inputs, call))
        actions[call] = (actions[call] ?? 0) | (value === null ? ANY : bitOf(numberOf(value, call)))
    }
  }
  return actions
}

function bitOf(value: number): number {
  const place = ACTIONS.findIndex(([action]) => action === (value & ACTION) >>> 0)
  return 1 << Math.max(place, 0)
}

/** Of the actions of several filters that which is nearest to the beginning of the list is taken. */
function strictest(each: readonly (Actions | undefined)[]): Actions | undefined {
  return each.reduce((left, right) => {
    if (left === undefined || right === undefined) return undefined
    if (typeof left === 'string') return left
    if (typeof right === 'string') return right
    return left.map((set, call) => stricter(set, right[call] ?? ANY))
  })
}

function stricter(left: number, right: number): number {
  const upTo = (set: number) => (2 << (31 - Math.clz32(set))) - 1
  return (left & upTo(right)) | (right & upTo(left))
}

function verdictOf(actions: number): Verdict {
  if ((actions & ~MADE) === 0) return 'allowed'
  return (actions & (MADE | ASKED)) === 0 ? 'denied' : 'conditional'
}

function actionNames(actions: number): string[] {
  return ACTIONS.filter((_, place) => (actions & (1 << place)) !== 0).map(([, name]) => name)
}

function areEqual(left: Actions, right: Actions | undefined): boolean {
  return typeof left !== 'string' && typeof right !== 'string' && left.every((set, call) => set === right?.[call])
}
