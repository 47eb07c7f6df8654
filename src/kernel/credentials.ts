/** `struct cred`: who a process is and what it may do, as /proc/PID/status shows it (fs/proc/array.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { TASK_STRUCT } from './objects.js'
import { array, chain, hex, type Nested, optional } from './query.js'
import { readLabels } from './security-labels.js'
import { capabilitySet } from './tasks.js'

/** INVALID_UID (include/linux/uidgid.h): nobody has logged in. */
const UNSET = 0xffff_ffff
/** SECCOMP_MODE_* (include/uapi/linux/seccomp.h, kernel/seccomp.c). */
const SECCOMP = ['disabled', 'strict', 'filter', 'dead']
/** UID_GID_MAP_MAX_BASE_EXTENTS and UID_GID_MAP_MAX_EXTENTS (include/linux/user_namespace.h). */
const EXTENTS_IN_PLACE = 5
const MOST_EXTENTS = 340
/** NGROUPS_MAX (include/uapi/linux/limits.h). */
const MOST_GROUPS = 65536

const SETS = ['inheritable', 'permitted', 'effective', 'bounding', 'ambient'] as const

/** Capabilities, a bit each. */
export type CapabilitySets = Record<(typeof SETS)[number], bigint | null>

/** What a task may do; ids are those of the initial user namespace. */
export interface Credentials {
  /** Of its `struct cred`. */
  address: bigint | null
  task: bigint
  /** Whether it acts with other credentials than its own. */
  overridden: boolean | null
  uid: number | null
  euid: number | null
  suid: number | null
  fsuid: number | null
  gid: number | null
  egid: number | null
  sgid: number | null
  fsgid: number | null
  groups: number[]
  capabilities: CapabilitySets
  securebits: number | null
  seccomp: string | null
  seccomp_filters: number | null
  no_new_privs: boolean | null
  /** As /proc/PID/attr/current has it. */
  label: string | null
  /** Lines of /proc/PID/uid_map: first id inside, first id outside, how many. */
  uid_map: string[] | null
  gid_map: string[] | null
  /** Null where nobody has logged in. */
  login_uid: number | null
  session_id: number | null
}

/** PFA_NO_NEW_PRIVS is the first of `atomic_flags` (include/linux/sched.h). */
const NO_NEW_PRIVS = 1

const MEMBERS = {
  cred: 'real_cred',
  acting: 'cred',
  uid: 'real_cred->uid.val',
  euid: 'real_cred->euid.val',
  suid: 'real_cred->suid.val',
  fsuid: 'real_cred->fsuid.val',
  gid: 'real_cred->gid.val',
  egid: 'real_cred->egid.val',
  sgid: 'real_cred->sgid.val',
  fsgid: 'real_cred->fsgid.val',
  securebits: 'real_cred->securebits',
  inheritable: hex('real_cred->cap_inheritable', 8),
  permitted: hex('real_cred->cap_permitted', 8),
  effective: hex('real_cred->cap_effective', 8),
  bounding: hex('real_cred->cap_bset', 8),
  ambient: hex('real_cred->cap_ambient', 8),
  user_ns: 'real_cred->user_ns',
  flags: 'atomic_flags',
  seccomp: optional('seccomp.mode'),
  filters: optional('seccomp.filter_count.counter'),
  filter: optional('seccomp.filter'),
  login_uid: optional('loginuid.val'),
  session_id: optional('sessionid'),
} as const

const GROUPS = {
  walk: array('real_cred->group_info->gid', { count: 'real_cred->group_info->ngroups', most: MOST_GROUPS }),
  select: { gid: 'val' },
} satisfies Nested

/** Credentials of some tasks, in their order. */
export function readCredentials(kernel: Kernel, tasks: readonly bigint[]): Credentials[] {
  const batch = kernel.at(tasks, TASK_STRUCT).select(MEMBERS, { groups: GROUPS })
  const [gids, groups] = [batch.child('groups').column('gid'), batch.child('groups').byParent()]
  const maps = readIdMaps(kernel, distinct(batch, 'user_ns'))
  const labels = readLabels(kernel, tasks)
  const lengths = filterChains(kernel, uncounted(batch))
  return Array.from({ length: batch.length }, (_, row): Credentials => {
    const number = (name: keyof typeof MEMBERS) => batch.column(name).number(row)
    const set = (name: (typeof SETS)[number]) => capabilitySet(batch.column(name).text(row))
    const [mode, flags] = [number('seccomp'), number('flags')]
    const [address, acting] = [batch.column('cred').bigint(row), batch.column('acting').bigint(row)]
    const map = maps.get(batch.column('user_ns').bigint(row) ?? 0n)
    return {
      address,
      task: batch.address(row),
      overridden: address === null || acting === null ? null : address !== acting,
      uid: number('uid'),
      euid: number('euid'),
      suid: number('suid'),
      fsuid: number('fsuid'),
      gid: number('gid'),
      egid: number('egid'),
      sgid: number('sgid'),
      fsgid: number('fsgid'),
      groups: (groups.get(row) ?? []).flatMap((group) => gids.number(group) ?? []),
      capabilities: {
        inheritable: set('inheritable'),
        permitted: set('permitted'),
        effective: set('effective'),
        bounding: set('bounding'),
        ambient: set('ambient'),
      },
      securebits: number('securebits'),
      seccomp: mode === null ? null : (SECCOMP[mode] ?? `${mode}`),
      seccomp_filters: mode === null ? null : (number('filters') ?? lengths.get(filterOf(batch, row)) ?? 0),
      no_new_privs: flags === null ? null : (flags & NO_NEW_PRIVS) !== 0,
      label: labels[row] ?? null,
      uid_map: map?.uid ?? null,
      gid_map: map?.gid ?? null,
      login_uid: set32(number('login_uid')),
      session_id: set32(number('session_id')),
    }
  })
}

type Members = Batch<typeof MEMBERS, { groups: typeof GROUPS }>

/** Null for what nobody has set. */
function set32(id: number | null): number | null {
  return id === null || id >>> 0 === UNSET ? null : id
}

function distinct(batch: Members, name: 'user_ns'): Set<bigint> {
  const column = batch.column(name)
  const found = Array.from({ length: batch.length }, (_, row) => column.bigint(row))
  return new Set(found.filter((address): address is bigint => address !== null && address !== 0n))
}

function filterOf(batch: Members, row: number): bigint {
  return batch.column('filter').bigint(row) ?? 0n
}

/** Filters of tasks in which nobody counts them: kernels before 5.11. */
function uncounted(batch: Members): Set<bigint> {
  const rows = Array.from({ length: batch.length }, (_, row) => row)
  const filters = rows.filter((row) => batch.column('filters').number(row) === null)
  return new Set(filters.map((row) => filterOf(batch, row)).filter((address) => address !== 0n))
}

/** How many filters hang together from each on. */
function filterChains(kernel: Kernel, filters: ReadonlySet<bigint>): Map<bigint, number> {
  const older = { walk: chain('prev', 'struct seccomp_filter', 'prev'), select: {} } satisfies Nested
  const batch = kernel.at(filters, 'struct seccomp_filter').select({}, { older })
  const below = batch.child('older').byParent()
  return new Map(
    Array.from({ length: batch.length }, (_, row) => [batch.address(row), 1 + (below.get(row)?.length ?? 0)]),
  )
}

interface IdMaps {
  uid: string[] | null
  gid: string[] | null
}

const EXTENT = { first: 'first', lower: 'lower_first', count: 'count' } as const

/** Maps of user namespaces. More extents than there is room for lie in an array of their own, ordered by `first`. */
function readIdMaps(kernel: Kernel, namespaces: ReadonlySet<bigint>): Map<bigint, IdMaps> {
  const few = (map: string): Nested & { select: typeof EXTENT } => ({ walk: array(`${map}.extent`), select: EXTENT })
  const batch = kernel
    .at(namespaces, 'struct user_namespace')
    .select(
      { uids: 'uid_map.nr_extents', gids: 'gid_map.nr_extents' },
      { uid_map: few('uid_map'), gid_map: few('gid_map') },
    )
  const many = (column: 'uids' | 'gids') =>
    Array.from({ length: batch.length }, (_, row) => row)
      .filter((row) => (batch.column(column).number(row) ?? 0) > EXTENTS_IN_PLACE)
      .map((row) => batch.address(row))
  const [uids, gids] = [largeMaps(kernel, many('uids'), 'uid_map'), largeMaps(kernel, many('gids'), 'gid_map')]
  const [uidLines, gidLines] = [linesOf(batch.child('uid_map')), linesOf(batch.child('gid_map'))]
  return new Map(
    Array.from({ length: batch.length }, (_, row) => {
      const address = batch.address(row)
      const uid = lines(batch.column('uids').number(row), uidLines.get(row), uids.get(address))
      const gid = lines(batch.column('gids').number(row), gidLines.get(row), gids.get(address))
      return [address, { uid, gid }]
    }),
  )
}

function largeMaps(kernel: Kernel, namespaces: readonly bigint[], map: string): Map<bigint, string[]> {
  const extents = {
    walk: array(`${map}.forward`, { count: `${map}.nr_extents`, most: MOST_EXTENTS }),
    select: EXTENT,
  } satisfies Nested
  const batch = kernel.at(namespaces, 'struct user_namespace').select({}, { extents })
  const found = linesOf(batch.child('extents'))
  return new Map(Array.from({ length: batch.length }, (_, row) => [batch.address(row), found.get(row) ?? []]))
}

function lines(count: number | null, few: string[] | undefined, many: string[] | undefined): string[] | null {
  if (count === null) return null
  return count > EXTENTS_IN_PLACE ? (many ?? null) : (few ?? []).slice(0, count)
}

/** Lines by the number of the namespace. What cannot be read of an extent is a question mark. */
function linesOf(extents: Batch<typeof EXTENT>): Map<number, string[]> {
  const part = (name: keyof typeof EXTENT, row: number) => extents.column(name).number(row) ?? '?'
  const rows = [...extents.byParent()]
  return new Map(
    rows.map(([owner, found]) => [
      owner,
      found.map((row) => `${part('first', row)} ${part('lower', row)} ${part('count', row)}`),
    ]),
  )
}
