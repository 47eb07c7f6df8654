/** Cgroup hierarchies, v1 and v2 alike, from `cgroup_roots` down. */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { rulesOf } from './objects.js'
import { addressOf, array, hash, kernfsPath, list, type Nested, obeys, optional, text } from './query.js'
import type { Rule } from './rule.js'

const CGROUP = 'struct cgroup'
/** CSS_ONLINE (include/linux/cgroup-defs.h): without it the cgroup was removed and only waits to be freed. */
export const CSS_ONLINE = 2
/** Deeper trees than this are made by nobody but an attacker. */
const DEEPEST = 256
/** Cgroups that are read; each becomes a row. */
const MOST_CGROUPS = 1 << 17

/** CSS_SET_HASH_BITS (kernel/cgroup/cgroup.c). */
const CSS_SETS = 1 << 7
const ABOVE = 'container_of(self.parent, struct cgroup, self)'

/** CGROUP_FROZEN (kernel/cgroup/legacy_freezer.c). */
const CGROUP_FROZEN = 8

const CGROUP_MEMBERS = {
  path: kernfsPath('kn'),
  flags: 'self.flags',
  freeze: optional('freezer.freeze'),
  // A css is the first member of its controller's own struct.
  legacy_freezer: optional('((struct freezer *)subsys[freezer_cgrp_id])->state'),
}

/** A cgroup below another: what its css names as parent is the css of that. */
const CHILD: Rule = { path: ABOVE, is: 'origin' }

/** A cgroup of one hierarchy. */
export interface Cgroup {
  address: bigint
  path: string | null
  /** `unified`, the controllers of a v1 hierarchy (`cpu,cpuacct`), or its name (`name=systemd`). */
  hierarchy: string
  frozen: boolean
}

/** A task set's cgroup in one hierarchy. */
export interface Membership {
  css_set: bigint
  cgroup: bigint
}

/** Names of the controllers that are attached to a cgroup. */
const CONTROLLERS = {
  walk: array('cgrp.subsys', { pointers: true, type: 'struct cgroup_subsys_state' }),
  select: { name: text(['ss->legacy_name', 'ss->name']) },
} satisfies Nested

interface Hierarchy {
  root: bigint
  name: string
  controllers: string[]
}

/** How many hierarchies there are: one on a machine that only uses v2. */
export function countHierarchies(kernel: Kernel): number {
  return kernel.once(readHierarchyCount)
}

function readHierarchyCount(kernel: Kernel): number {
  return kernel.list('cgroup_roots', 'struct cgroup_root', 'root_list').select({}).length
}

/** Every hierarchy that is in use. */
function hierarchies(kernel: Kernel): Hierarchy[] {
  const roots = kernel
    .list('cgroup_roots', 'struct cgroup_root', 'root_list')
    .select({ top: addressOf('cgrp'), id: 'hierarchy_id', name: text('name') }, { controllers: CONTROLLERS })
  const controllers = roots.child('controllers')
  const byRoot = controllers.byParent()
  const unified = kernel.address('cgrp_dfl_root')
  return Array.from({ length: roots.length }, (_, row) => {
    const names = (byRoot.get(row) ?? []).map((index) => controllers.column('name').text(index) ?? '?')
    const own = roots.column('name').text(row)
    const parts = own ? [...names, `name=${own}`] : names
    const name = roots.address(row) === unified ? 'unified' : parts.join(',')
    return { root: roots.column('top').bigint(row) ?? 0n, name, controllers: names }
  }).filter(({ root }) => root !== 0n)
}

/** Controllers of every hierarchy that is in use, by its top cgroup. */
export function hierarchyNames(kernel: Kernel): Map<bigint, readonly string[]> {
  return new Map(hierarchies(kernel).map(({ root, controllers }) => [root, controllers]))
}

/** Every cgroup that was not removed, hierarchy by hierarchy, sorted by path; read once per image. */
export function readCgroups(kernel: Kernel): readonly Readonly<Cgroup>[] {
  return kernel.once(readAllCgroups)
}

function readAllCgroups(kernel: Kernel): Cgroup[] {
  const trees = hierarchies(kernel).map(({ root, name }) => ({ name, cgroups: tree(kernel, root, name) }))
  if (trees.every(({ cgroups }) => cgroups.length === 0)) {
    kernel.warn({ code: 'torn', message: 'no hierarchy has a cgroup, not even its root' })
  }
  // A machine on v1, or without any, has the unified hierarchy too, unmounted and with nothing below its root.
  const isUnused = ({ name, cgroups }: (typeof trees)[number]) =>
    name === 'unified' && cgroups.length === 1 && isHidden(kernel)
  const all = trees.filter((each) => !isUnused(each)).flatMap(({ cgroups }) => cgroups)
  const byName = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0)
  return all.sort((left, right) => byName(left.hierarchy, right.hierarchy) || byName(left.path ?? '', right.path ?? ''))
}

function tree(kernel: Kernel, root: bigint, hierarchy: string): Cgroup[] {
  const cgroups: Cgroup[] = []
  const seen = new Set<bigint>()
  let torn = false
  let level = [root]
  for (let depth = 0; depth < DEEPEST && level.length > 0; depth++) {
    const fresh = new Set(level.filter((address) => !seen.has(address)))
    if (fresh.size < level.length) {
      const message = `${hierarchy}: a cgroup is the child of two, or of itself`
      kernel.warn({ code: 'cycle', message, count: level.length - fresh.size })
    }
    for (const address of fresh) seen.add(address)
    const children = {
      walk: list('self.children', CGROUP, 'self.sibling'),
      rules: [CHILD],
      select: {},
    } satisfies Nested
    const batch = kernel.at(fresh, CGROUP).select(CGROUP_MEMBERS, { children })
    addOnline(batch, hierarchy, cgroups)
    const { addresses, torn: lost } = batch.child('children')
    torn ||= lost
    level = [...addresses.subarray(0, kernel.capped('cgroups', seen.size + addresses.length, MOST_CGROUPS) - seen.size)]
  }
  if (level.length > 0) {
    const message = `${hierarchy}: cgroups deeper than ${DEEPEST} are left out`
    kernel.warn({ code: 'cap', message, count: level.length })
  }
  if (torn) addOnline(kernel.at(lostCgroups(kernel, root, seen), CGROUP).select(CGROUP_MEMBERS), hierarchy, cgroups)
  return cgroups
}

function addOnline(batch: Batch<typeof CGROUP_MEMBERS>, hierarchy: string, cgroups: Cgroup[]): void {
  for (let row = 0; row < batch.length; row++) {
    const flags = batch.column('flags').number(row)
    if (flags !== null && (flags & CSS_ONLINE) === 0) continue
    const legacy = batch.column('legacy_freezer').number(row) ?? 0
    const frozen = batch.column('freeze').number(row) === 1 || (legacy & CGROUP_FROZEN) !== 0
    cgroups.push({ address: batch.address(row), path: batch.column('path').text(row), hierarchy, frozen })
  }
}

/** Cgroups below a root that have tasks, and those above them, as the table of `css_set`s leads to them. */
function lostCgroups(kernel: Kernel, root: bigint, seen: ReadonlySet<bigint>): Set<bigint> {
  const lost = new Set<bigint>()
  if (kernel.address('css_set_table') === null) return lost
  const sets = kernel
    .symbol('css_set_table', 'struct hlist_head')
    .walk(hash('', 'struct css_set', 'hlist', { count: CSS_SETS }))
    .select({})
  let level = new Set(readMemberships(kernel, sets.addresses).map(({ cgroup }) => cgroup))
  for (let depth = 0; depth < DEEPEST && level.size > 0; depth++) {
    const unseen = [...level].filter((address) => !seen.has(address) && !lost.has(address))
    const batch = kernel
      .at(unseen, CGROUP)
      .select({ sound: obeys(rulesOf(CGROUP)), above: ABOVE, root: addressOf('root->cgrp') })
    level = new Set()
    for (let row = 0; row < batch.length; row++) {
      if (batch.column('sound').number(row) !== 1 || batch.column('root').bigint(row) !== root) continue
      lost.add(batch.address(row))
      level.add(batch.column('above').bigint(row) ?? root)
    }
  }
  return lost
}

function isHidden(kernel: Kernel): boolean {
  const address = kernel.address('cgrp_dfl_visible')
  if (address === null) return false
  return kernel.at([address], 'unsigned char').select({ visible: '' }).column('visible').number(0) === 0
}

/** In which cgroups the tasks of each `css_set` are: one per hierarchy. */
export function readMemberships(kernel: Kernel, cssSets: Iterable<bigint>): Membership[] {
  const links = {
    walk: list('cgrp_links', 'struct cgrp_cset_link', 'cgrp_link'),
    select: { cgroup: 'cgrp' },
  } satisfies Nested
  const sets = kernel.at(new Set(cssSets), 'struct css_set').select({}, { links })
  const found = sets.child('links')
  return Array.from({ length: found.length }, (_, row) => ({
    css_set: sets.address(found.parents[row] ?? 0),
    cgroup: found.column('cgroup').bigint(row) ?? 0n,
  }))
}
