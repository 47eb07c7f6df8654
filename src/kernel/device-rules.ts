/** What each cgroup may do with devices: v1's list of exceptions, and the programs that v2 asks. */

import { deviceProgram } from './bpf/device-program.js'
import { readCgroups } from './cgroups.js'
import { DEVICE_TYPES, DeviceAccess, type DeviceRule, listedAccess, type Untold } from './device-access.js'
import type { Kernel } from './kernel.js'
import { array, bytes, list, type Nested } from './query.js'

const CGROUP = 'struct cgroup'
/** DEVCG_DEFAULT_ALLOW and _DENY (security/device_cgroup.c). */
const ALLOWS = 1
const DENIES = 2
/** A major or minor that stands for all. */
const ANY = 0xffff_ffff
/** BPF_CGROUP_MAX_PROGS (include/linux/bpf-cgroup-defs.h). */
const MOST_PROGRAMS = 64
/** Bytes of one program; those that runtimes make are far shorter. */
const MOST_BYTES = 1 << 16

/** What decides about devices for a cgroup. */
export interface DeviceRules {
  cgroup: bigint
  path: string | null
  hierarchy: string
  /** Ids of the programs that are asked, those of cgroups above too; empty where a list decides. */
  programs: number[]
  /** Null where it is not told. */
  access: DeviceAccess | null
  /** Why not. */
  reason: string | null
}

const PROGRAMS = {
  walk: array(['bpf.effective[CGROUP_DEVICE]->items', 'bpf.effective[BPF_CGROUP_DEVICE]->items'], {
    count: MOST_PROGRAMS,
  }),
  select: { program: 'prog' },
} satisfies Nested

const EXCEPTIONS = {
  walk: list('exceptions', 'struct dev_exception_item', 'list'),
  select: { major: 'major', minor: 'minor', type: 'type', access: 'access' },
} satisfies Nested

/** Cgroups that have a list or are held by programs; one that neither is about may use every device. Read once per image. */
export function readDeviceRules(kernel: Kernel): readonly Readonly<DeviceRules>[] {
  return kernel.once(readEveryRule)
}

function readEveryRule(kernel: Kernel): DeviceRules[] {
  const cgroups = readCgroups(kernel)
  const [programs, lists] = [
    effectivePrograms(
      kernel,
      cgroups.map(({ address }) => address),
    ),
    exceptionLists(
      kernel,
      cgroups.map(({ address }) => address),
    ),
  ]
  return cgroups.flatMap(({ address, path, hierarchy }): DeviceRules[] => {
    const about = { cgroup: address, path, hierarchy }
    // v2 has the controller of v1 at its top, where nothing sees it.
    const list = hierarchy === 'unified' ? undefined : lists.get(address)
    if (list !== undefined) return [{ ...about, programs: [], access: list, reason: null }]
    const asked = programs.get(address) ?? []
    if (asked.length === 0) return []
    return [{ ...about, programs: asked.map(({ id }) => id), ...together(asked.map(({ does }) => does)) }]
  })
}

/** All of the programs must allow it. */
function together(programs: readonly (DeviceAccess | Untold)[]): Pick<DeviceRules, 'access' | 'reason'> {
  let access: DeviceAccess | null = null
  for (const program of programs) {
    if (!(program instanceof DeviceAccess)) return { access: null, reason: program.reason }
    access = access === null ? program : access.and(program)
  }
  return { access, reason: null }
}

interface Asked {
  id: number
  does: DeviceAccess | Untold
}

function effectivePrograms(kernel: Kernel, cgroups: readonly bigint[]): Map<bigint, Asked[]> {
  // A kernel without cgroups' programs has none, which is no news.
  const batch = kernel
    .ofKindsItHas()
    .at(cgroups, CGROUP)
    .select({}, { programs: { ...PROGRAMS, optional: true } })
  const items = batch.child('programs')
  const found = new Map<bigint, bigint[]>()
  const ended = new Set<number>()
  for (let row = 0; row < items.length; row++) {
    const cgroup = items.parents[row] ?? 0
    const program = items.column('program').bigint(row)
    // The array ends at NULL; what lies behind it is of others.
    if (program === null || program === 0n) ended.add(cgroup)
    if (program === null || program === 0n || ended.has(cgroup)) continue
    const of = found.get(batch.address(cgroup))
    if (of === undefined) found.set(batch.address(cgroup), [program])
    else of.push(program)
  }
  const does = readPrograms(kernel, new Set([...found.values()].flat()))
  return new Map([...found].map(([cgroup, programs]) => [cgroup, programs.flatMap((each) => does.get(each) ?? [])]))
}

function readPrograms(kernel: Kernel, programs: ReadonlySet<bigint>): Map<bigint, Asked> {
  const batch = kernel
    .at(programs, 'struct bpf_prog')
    .select({ id: 'aux->id', code: bytes('insnsi', { length: 'len << 3', max: MOST_BYTES }) })
  const known = new Map<string, DeviceAccess | Untold>()
  const does = (code: Uint8Array | null): DeviceAccess | Untold => {
    if (code === null || code.length === 0) return { reason: 'its instructions are not there' }
    const key = Buffer.from(code).toString('latin1')
    const found = known.get(key) ?? deviceProgram(code)
    known.set(key, found)
    return found
  }
  return new Map(
    Array.from({ length: batch.length }, (_, row) => [
      batch.address(row),
      { id: batch.column('id').number(row) ?? 0, does: does(batch.column('code').bytes(row)) },
    ]),
  )
}

/** v1's lists, by the cgroup; a controller's css is the first member of its own struct. */
function exceptionLists(kernel: Kernel, cgroups: readonly bigint[]): Map<bigint, DeviceAccess> {
  const legacy = kernel.ofKindsItHas()
  const controllers = legacy.at(cgroups, CGROUP).select({ devices: ['subsys[devices_cgrp_id]'] })
  const css = new Map(
    Array.from({ length: controllers.length }, (_, row) => [
      controllers.column('devices').bigint(row) ?? 0n,
      controllers.address(row),
    ]),
  )
  css.delete(0n)
  const batch = legacy.at(css.keys(), 'struct dev_cgroup').select({ behavior: 'behavior' }, { exceptions: EXCEPTIONS })
  const items = batch.child('exceptions')
  const byList = items.byParent()
  const number = (value: number | null) => (value === null || value >>> 0 === ANY ? null : value >>> 0)
  const lists = new Map<bigint, DeviceAccess>()
  for (let row = 0; row < batch.length; row++) {
    const behavior = batch.column('behavior').number(row)
    const cgroup = css.get(batch.address(row))
    if (cgroup === undefined || (behavior !== ALLOWS && behavior !== DENIES)) continue
    const rules = (byList.get(row) ?? []).map((item): DeviceRule => {
      const type = items.column('type').number(item) ?? 0
      return {
        allow: behavior === DENIES,
        types: DEVICE_TYPES.filter((each) => (type & each) !== 0),
        major: number(items.column('major').number(item)),
        minor: number(items.column('minor').number(item)),
        bits: (items.column('access').number(item) ?? 0) & 7,
      }
    })
    lists.set(cgroup, listedAccess(behavior === ALLOWS, rules))
  }
  return lists
}
