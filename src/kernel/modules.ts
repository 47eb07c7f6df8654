/** `struct module`: loaded modules, by all that knows them (kernel/module/main.c, kernel/module/sysfs.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { type Area, strayAreas } from './module-areas.js'
import { PARAMETERS, readParameters } from './module-parameters.js'
import { MODULE, rulesOf } from './objects.js'
import {
  ANYWHERE,
  addressOf,
  array,
  firstOf,
  list,
  type Nested,
  optional,
  rbtree,
  type Selects,
  text,
} from './query.js'

/**
 * What knows a module: the list, the folder /sys/module, the tree by which an address's module is found, memory itself;
 * `vmap` is for one that none of the first three know, where an area of the address space was made for it.
 */
export type ModuleView = 'list' | 'kset' | 'tree' | 'scan' | 'vmap'

/** By `enum module_state` (include/linux/module.h). */
const STATES = ['live', 'loading', 'unloading', 'unformed']
/** The letters of `taint_flags` (kernel/panic.c), from bit 0 on. */
const TAINTS = 'PFSRMBUDAWCIOELKXTNJ'
/** Text of a module: its arguments are one line of a shell's. */
const LONGEST = 4096

/** A loaded module. */
export interface Module {
  /** Of the `struct module`. */
  address: bigint
  name: string | null
  /** Of its text. */
  base: bigint | null
  /** Bytes of all its memory, as /proc/modules has it. */
  size: number | null
  /** Who uses it, less the kernel's own reference. */
  references: number | null
  /** `live`, `loading`, `unloading` or `unformed`. */
  state: string | null
  /** Letters, as `OE`. */
  taints: string | null
  used_by: string[]
  found_by: ModuleView[]
  version: string | null
  source_version: string | null
  /** What it was loaded with. */
  arguments: string | null
  /** As `name=value`. */
  parameters: string[]
}

const USERS = {
  walk: list('source_list', 'struct module_use', 'source_list'),
  rules: [{ path: 'target', is: 'origin' }],
  select: { name: text('source->name') },
} satisfies Nested

/** Memory of each kind; before 6.4 what stays and, right behind it, what is only for the start. */
const AREAS = {
  walk: firstOf(array('mem'), array('core_layout', { count: 2 })),
  select: { base: 'base', size: 'size' },
} satisfies Nested

const COLUMNS = {
  name: text('name'),
  base: ['mem[MOD_TEXT].base', 'core_layout.base'],
  references: optional('refcnt.counter'),
  state: 'state',
  taints: 'taints',
  version: text('version', LONGEST),
  source_version: text('srcversion', LONGEST),
  // Kernels from 7.3 on do not keep it.
  arguments: optional(text('args', LONGEST)),
} satisfies Selects

/** Every module that anything knows: those on the list first, in its order, newest first. */
export function readModules(kernel: Kernel): Module[] {
  return readPlacedModules(kernel).map(({ areas: _, ...module }) => module)
}

/** The same with where their memory is. */
export function readPlacedModules(kernel: Kernel): PlacedModule[] {
  const views = moduleViews(kernel)
  const batch = kernel
    .at(views.keys(), MODULE)
    .obeying(rulesOf(MODULE))
    .select(COLUMNS, { areas: AREAS, users: USERS, parameters: PARAMETERS })
  const areas = batch.child('areas')
  const areasOf = areas.byParent()
  tellHidden(kernel, views)
  const users = batch.child('users')
  const usersOf = users.byParent()
  const parameters = readParameters(kernel, batch.child('parameters'))
  const modules = Array.from({ length: batch.length }, (_, row): PlacedModule => {
    const address = batch.address(row)
    const own = areasOf.get(row) ?? []
    return {
      ...described(batch, row),
      size: sum(own.map((area) => areas.column('size').number(area))),
      used_by: (usersOf.get(row) ?? []).map((user) => users.column('name').text(user) ?? '?'),
      found_by: [...(views.get(address) ?? [])],
      parameters: parameters.get(row) ?? [],
      areas: own.flatMap((area) => areaOf(areas.column('base').bigint(area), areas.column('size').bigint(area))),
    }
  })
  const strays = inStrayAreas(kernel, modules)
  return [...modules, ...strays]
}

/** A module with all of its memory. */
export interface PlacedModule extends Module {
  areas: Area[]
}

function areaOf(start: bigint | null, size: bigint | null): Area[] {
  return start === null || start === 0n || size === null || size === 0n ? [] : [{ start, end: start + size }]
}

/**
 * Marks modules that nothing but memory knows where an area was made for them; areas in which there is not even a
 * `struct module` are what is left of one, or of what was never one.
 */
function inStrayAreas(kernel: Kernel, modules: readonly PlacedModule[]): PlacedModule[] {
  const [known, others] = [modules.filter(isKnown), modules.filter((module) => !isKnown(module))]
  const strays = strayAreas(
    kernel,
    known.flatMap(({ base }) => base ?? []),
    known.flatMap(({ areas }) => areas),
  )
  const rest = strays.filter((stray) => {
    const owner = others.find(({ areas }) => areas.some(({ start }) => stray.start <= start && start < stray.end))
    if (owner !== undefined && !owner.found_by.includes('vmap')) owner.found_by.push('vmap')
    return owner === undefined
  })
  if (rest.length > 0) {
    const message = "areas that were made as modules' are and hold none that is known: see found_by"
    kernel.warn({ code: 'disagree', message, count: rest.length })
  }
  return rest.map(({ address, start, end }) => {
    return { ...NOTHING, address, base: start, size: Number(end - start), areas: [{ start, end }] }
  })
}

const isKnown = ({ found_by }: Module): boolean => found_by.some((view) => view !== 'scan')

const NOTHING = {
  ...{ name: null, references: null, state: null, taints: null, used_by: [], parameters: [], areas: [] },
  ...{ version: null, source_version: null, arguments: null, found_by: ['vmap' as const] },
}

function sum(sizes: readonly (number | null)[]): number | null {
  return sizes.reduce<number | null>((sum, size) => (sum === null || size === null ? null : sum + size), 0)
}

function described(batch: Batch<typeof COLUMNS>, row: number) {
  const references = batch.column('references').number(row)
  const state = batch.column('state').number(row)
  return {
    address: batch.address(row),
    name: batch.column('name').text(row),
    base: batch.column('base').bigint(row),
    // MODULE_REF_BASE is the kernel's own.
    references: references === null ? null : references - 1,
    state: state === null ? null : (STATES[state] ?? String(state)),
    taints: lettersOf(batch.column('taints').bigint(row)),
    version: batch.column('version').text(row),
    source_version: batch.column('source_version').text(row),
    arguments: batch.column('arguments').text(row),
  }
}

/** One letter for each bit, `?` for one that no kernel has a letter for. */
export function lettersOf(taints: bigint | null): string | null {
  if (taints === null) return null
  const bits = [...taints.toString(2)].reverse()
  return bits.map((bit, place) => (bit === '1' ? (TAINTS[place] ?? '?') : '')).join('')
}

/** Who knows each module. */
function moduleViews(kernel: Kernel): Map<bigint, ModuleView[]> {
  const views = new Map<bigint, ModuleView[]>()
  for (const [view, addresses] of [
    ['list', listed(kernel)],
    ['kset', inFolder(kernel)],
    ['tree', inTree(kernel)],
    ['scan', carved(kernel)],
  ] as const) {
    for (const address of new Set(addresses)) {
      const known = views.get(address)
      if (known) known.push(view)
      else views.set(address, [view])
    }
  }
  return views
}

/** A module that not every view knows is being hidden, or on its way in or out. */
function tellHidden(kernel: Kernel, views: ReadonlyMap<bigint, readonly ModuleView[]>): void {
  const all = new Set([...views.values()].flat())
  const count = [...views.values()].filter((known) => known.length < all.size).length
  if (count > 0)
    kernel.warn({ code: 'disagree', message: 'modules that not all of the views know: see found_by', count })
}

function listed(kernel: Kernel): bigint[] {
  return [...kernel.list('modules', MODULE, 'list').select({}).addresses]
}

/** /sys/module has folders of the kernel's own parts too, which are no modules. */
function inFolder(kernel: Kernel): bigint[] {
  const folders = kernel
    .symbol('module_kset', 'struct kset *')
    .walk(list('list', 'struct module_kobject', 'kobj.entry'))
    .obeying([{ path: 'kobj.kset', is: 'origin' }])
    .select({ module: 'mod' })
  return pointers(folders.addresses.length, (row) => folders.column('module').bigint(row))
}

/** The tree is there twice, so that one of the two can be read while the other changes (include/linux/rbtree_latch.h). */
function inTree(kernel: Kernel): bigint[] {
  if (kernel.address('mod_tree') === null) return []
  const half = (which: 0 | 1) =>
    ({
      walk: rbtree(`root.tree[${which}]`, 'struct mod_tree_node', `node.node[${which}]`),
      select: { module: 'mod' },
    }) satisfies Nested
  const trees = kernel.symbol('mod_tree', 'struct mod_tree_root').select({}, { first: half(0), second: half(1) })
  return ['first', 'second'].flatMap((name) => {
    const nodes = trees.child(name as 'first' | 'second')
    return pointers(nodes.length, (row) => nodes.column('module').bigint(row))
  })
}

function pointers(length: number, at: (row: number) => bigint | null): bigint[] {
  return Array.from({ length }, (_, row) => at(row) ?? 0n).filter((address) => address !== 0n)
}

/** A module has its own address in itself: for its folder, and where the tree knows its text. */
const OWN = {
  folder: addressOf('mkobj.mod'),
  text: optional(addressOf(['mem[MOD_TEXT].mtn.mod', 'core_layout.mtn.mod'])),
} satisfies Selects

/** A module lies in its own data, whether or not any list knows it. */
function carved(kernel: Kernel): bigint[] {
  const members = kernel.unheard().at([ANYWHERE], MODULE).select(OWN)
  const offsets = (Object.keys(OWN) as (keyof typeof OWN)[]).flatMap((name) => {
    const at = members.column(name).bigint(0)
    return at === null ? [] : [Number(at - ANYWHERE)]
  })
  const found = kernel
    .unheard()
    .at(kernel.findOwn(offsets), MODULE)
    .obeying(rulesOf(MODULE))
    .select({ base: ['mem[MOD_DATA].base', 'core_layout.base'], size: ['mem[MOD_DATA].size', 'core_layout.size'] })
  return [...found.addresses].filter((address, row) => {
    const [base, size] = [found.column('base').bigint(row), found.column('size').bigint(row)]
    return base !== null && size !== null && base <= address && address < base + size
  })
}
