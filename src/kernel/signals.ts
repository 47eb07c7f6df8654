/** What processes do about signals: `sighand_struct`, and what waits for them (kernel/signal.c, fs/proc/array.c). */

import { append } from '../append.js'
import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { type Mapping, mappingAt, readMappings } from './mappings.js'
import { TASK_STRUCT } from './objects.js'
import { array, list, type Nested } from './query.js'
import type { Rule } from './rule.js'

/** By their numbers (include/uapi/asm-generic/signal.h); from the next one on they are real-time signals. */
const NAMES =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  )
/** _NSIG. */
const SIGNALS = 64
/** SIG_DFL and SIG_IGN (include/uapi/asm-generic/signal-defs.h). */
const DEFAULT = 0n
const IGNORE = 1n
/** SA_* (include/uapi/asm-generic/signal-defs.h). */
const FLAGS: readonly (readonly [bigint, string])[] = [
  [0x1n, 'SA_NOCLDSTOP'],
  [0x2n, 'SA_NOCLDWAIT'],
  [0x4n, 'SA_SIGINFO'],
  [0x0800_0000n, 'SA_ONSTACK'],
  [0x1000_0000n, 'SA_RESTART'],
  [0x4000_0000n, 'SA_NODEFER'],
  [0x8000_0000n, 'SA_RESETHAND'],
]

/** What a process does about a signal that it does not leave as it was, that is blocked or that waits. */
export interface Signal {
  /** Of the process's leader. */
  task: bigint
  signal: number
  name: string
  /** `default`, `ignored` or `handled`. */
  action: string | null
  /** In the process's memory; null where it has none. */
  handler: bigint | null
  /** File that is mapped there; null where there is none, as for code that a process made itself. */
  path: string | null
  /** Of the handler, in that file. */
  offset: bigint | null
  flags: string[] | null
  /** Signals that wait while the handler runs. */
  mask: string[] | null
  /** Threads that block it. */
  blocked: number
  /** Whether it waits for the process or one of its threads. */
  pending: boolean
  /** Who sent what waits, as the process numbers them. */
  senders: number[]
}

/** Handlers that a process has are counted. */
const IN_USE: Rule = { path: ['^.sighand->count.refs.counter', '^.sighand->count.counter'], is: { at_least: 1 } }

const ACTIONS = {
  walk: array('sighand->action'),
  rules: [IN_USE],
  select: { handler: 'sa.sa_handler', flags: 'sa.sa_flags', mask: 'sa.sa_mask.sig[0]' },
} satisfies Nested

const QUEUED = { signal: 'info.si_signo', code: 'info.si_code', pid: 'info._sifields._kill._pid' } as const
const queue = (head: string) => ({ walk: list(head, 'struct sigqueue', 'list'), select: QUEUED }) satisfies Nested

/** What waits for one process. */
interface Waiting {
  /** Of each thread. */
  blocked: bigint[]
  pending: bigint
  /** Senders by signal. */
  senders: Map<number, number[]>
}

/** Signals of processes, given as leaders with their threads: in their order, lowest first. */
export function readSignals(kernel: Kernel, processes: ReadonlyMap<bigint, readonly bigint[]>): Signal[] {
  const leaders = [...processes.keys()]
  const batch = kernel.at(leaders, TASK_STRUCT).select({}, { actions: ACTIONS })
  const waiting = readWaiting(kernel, processes)
  const mappings = new Map<bigint, Mapping[]>()
  for (const mapping of readMappings(kernel, leaders)) append(mappings, mapping.task, mapping)
  const actions = batch.child('actions')
  const handlers = actions.column('handler')
  const rows = actions.byParent()
  return leaders.flatMap((task, index) => {
    const own = rows.get(index) ?? []
    const waits = waiting.get(task) ?? { blocked: [], pending: 0n, senders: new Map() }
    // Most are as they were, and make no row.
    const others = waits.blocked.reduce((all, set) => all | set, waits.pending)
    const isLeft = (row: number, at: number) => handlers.bigint(row) === DEFAULT && !has(others, at + 1)
    return own
      .slice(0, SIGNALS)
      .flatMap((row, at) =>
        isLeft(row, at) ? [] : [signalOf(task, at + 1, { actions, row, waits, mappings: mappings.get(task) ?? [] })],
      )
  })
}

interface Known {
  actions: Batch<(typeof ACTIONS)['select']>
  row: number
  waits: Waiting
  mappings: readonly Mapping[]
}

function signalOf(task: bigint, signal: number, { actions, row, waits, mappings }: Known): Signal {
  const handler = actions.column('handler').bigint(row)
  const handled = handler !== null && handler !== DEFAULT && handler !== IGNORE
  const [flags, mask] = [actions.column('flags').bigint(row), actions.column('mask').bigint(row)]
  const mapping = handled ? mappingAt(mappings, handler) : undefined
  const offset = mapping?.offset ?? null
  return {
    task,
    signal,
    name: signalName(signal),
    action: handler === null ? null : handled ? 'handled' : handler === IGNORE ? 'ignored' : 'default',
    handler: handled ? handler : null,
    path: mapping?.path ?? null,
    offset: offset === null || !handled ? null : offset + handler - (mapping?.start ?? 0n),
    flags: !handled || flags === null ? null : FLAGS.filter(([bit]) => (flags & bit) !== 0n).map(([, name]) => name),
    mask: !handled || mask === null ? null : signalsOf(mask).map(signalName),
    blocked: waits.blocked.filter((set) => has(set, signal)).length,
    pending: has(waits.pending, signal),
    senders: waits.senders.get(signal) ?? [],
  }
}

/** `SIGHUP`; real-time signals are counted from the first that the kernel has, of which C libraries keep some. */
function signalName(signal: number): string {
  const beyond = signal - NAMES.length - 1
  return beyond < 0 ? `SIG${NAMES[signal - 1]}` : beyond === 0 ? 'SIGRTMIN' : `SIGRTMIN+${beyond}`
}

function has(set: bigint, signal: number): boolean {
  return ((set >> BigInt(signal - 1)) & 1n) !== 0n
}

function signalsOf(set: bigint): number[] {
  if (set === 0n) return []
  return Array.from({ length: SIGNALS }, (_, index) => index + 1).filter((signal) => has(set, signal))
}

function readWaiting(kernel: Kernel, processes: ReadonlyMap<bigint, readonly bigint[]>): Map<bigint, Waiting> {
  const leaderOf = new Map([...processes].flatMap(([leader, threads]) => threads.map((thread) => [thread, leader])))
  const batch = kernel
    .at([...leaderOf.keys()], TASK_STRUCT)
    .select(
      { blocked: 'blocked.sig[0]', own: 'pending.signal.sig[0]', shared: 'signal->shared_pending.signal.sig[0]' },
      { own: queue('pending.list'), shared: queue('signal->shared_pending.list') },
    )
  const waiting = new Map<bigint, Waiting>()
  const of = (row: number): Waiting => {
    const leader = leaderOf.get(batch.address(row)) ?? 0n
    const known = waiting.get(leader) ?? { blocked: [], pending: 0n, senders: new Map() }
    waiting.set(leader, known)
    return known
  }
  for (let row = 0; row < batch.length; row++) {
    const set = (name: 'blocked' | 'own' | 'shared') => batch.column(name).bigint(row) ?? 0n
    const waits = of(row)
    waits.blocked.push(set('blocked'))
    waits.pending |= set('own') | set('shared')
  }
  addSenders(batch.child('own'), of, () => true)
  // Threads share this queue: that of the leader is enough.
  addSenders(batch.child('shared'), of, (row) => leaderOf.get(batch.address(row)) === batch.address(row))
  return waiting
}

/** SI_USER, SI_QUEUE, SI_MESGQ and SI_TKILL (include/uapi/asm-generic/siginfo.h): a process sends these. */
const SENT: ReadonlySet<number | null> = new Set([0, -1, -3, -6])
const SIGCHLD = 17

/** Others than these have something else where a sender's id is. */
function addSenders(
  queued: Batch<typeof QUEUED>,
  of: (row: number) => Waiting,
  counts: (row: number) => boolean,
): void {
  for (let row = 0; row < queued.length; row++) {
    const number = (name: keyof typeof QUEUED) => queued.column(name).number(row)
    const [parent, signal, pid] = [queued.parents[row] ?? 0, number('signal'), number('pid')]
    if (signal === null || pid === null || !counts(parent)) continue
    if (SENT.has(number('code')) || signal === SIGCHLD) append(of(parent).senders, signal, pid)
  }
}
