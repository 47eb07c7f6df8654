/** `struct super_block`: file systems that are mounted, with their options as mountinfo has them (fs/proc_namespace.c). */

import { append } from '../append.js'
import type { Batch } from './batch.js'
import { hierarchyNames } from './cgroups.js'
import { deviceName } from './device-names.js'
import type { Kernel } from './kernel.js'
import { type Children, type None, optional, type Selects, symbolAt, text } from './query.js'
import type { Facts, ShowOptions, Texts, Values } from './show-options.js'
import { DISK_OPTIONS } from './show-options-disk.js'
import { MEMORY_OPTIONS, TMPFS_INODES } from './show-options-memory.js'
import {
  OVERLAY_COUNT,
  OVERLAY_DEFAULTS,
  OVERLAY_LAYERS,
  OVERLAY_OPTIONS,
  OVERLAY_UPPER,
} from './show-options-overlay.js'

const SUPER_BLOCK = 'struct super_block'
/** SB_RDONLY (include/linux/fs.h). */
const READ_ONLY = 1
/** show_sb_opts(): SB_SYNCHRONOUS, SB_DIRSYNC, SB_MANDLOCK and SB_LAZYTIME. */
const FLAGS = [
  [0x10, 'sync'],
  [0x80, 'dirsync'],
  [0x40, 'mand'],
  [0x2000000, 'lazytime'],
] as const
/** In nanoseconds. */
const SECOND = 1_000_000_000
/** SBLABEL_MNT, and the flags of labels that are options themselves (security/selinux/include/security.h). */
const HAS_LABELS = 0x10
const SHOWS_LABEL = 0xf

/** A file system. */
export interface Superblock {
  /** `major:minor`. */
  device: string | null
  /** As mountinfo names it: `fuse.sshfs`. */
  type: string | null
  /** As mountinfo has them, from `ro` or `rw` on; null where they cannot be told. */
  options: string | null
  /** What an overlay is made of, the upper one first. */
  layers: Layer[] | null
}

/** A directory that an overlay shows. */
export interface Layer {
  /** Of the file system that it is on. */
  superblock: bigint
  /** On that file system. */
  path: string
}

const VALUES = {
  device: 's_dev',
  flags: 's_flags',
  name: text('s_type->name', 64),
  subtype: text('s_subtype', 64),
  show_options: 's_op->show_options',
  function: symbolAt('s_op->show_options'),
  security: 's_security',
} satisfies Selects

/** By the function that prints them: several kinds of file system may share it. */
const OPTIONS: Readonly<Record<string, ShowOptions>> = { ...MEMORY_OPTIONS, ...DISK_OPTIONS, ...OVERLAY_OPTIONS }
const OVERLAY = 'ovl_show_options'
const KERNFS = 'kernfs_sop_show_options'

/** Some superblocks, by their addresses. */
export function readSuperblocks(kernel: Kernel, addresses: Iterable<bigint>): Map<bigint, Superblock> {
  const batch = kernel.at(addresses, SUPER_BLOCK).select(VALUES)
  const printers = new Map<string, bigint[]>(Object.keys(OPTIONS).map((name) => [name, []]))
  for (let row = 0; row < batch.length; row++) append(printers, printerOf(batch, row), batch.address(row))
  const words = readWords(kernel, printers, factsOf(kernel, batch))
  const layers = readLayers(kernel, printers.get(OVERLAY) ?? [])
  const labels = labelFlags(kernel, batch)
  const found = new Map<bigint, Superblock>()
  const untold = new Set<string>()
  for (let row = 0; row < batch.length; row++) {
    const address = batch.address(row)
    const name = batch.column('name').text(row)
    const [subtype, flags] = [batch.column('subtype').text(row), batch.column('flags').number(row)]
    const own = batch.column('show_options').bigint(row) === 0n ? [] : (words.get(address) ?? null)
    const label = labelWords(labels?.[row])
    const told = flags === null || own === null || label === null ? null : [...flagWords(flags), ...label, ...own]
    if (told === null) untold.add(name ?? '?')
    found.set(address, {
      device: deviceName(batch.column('device').number(row)),
      type: subtype ? `${name}.${subtype}` : name,
      options: told?.join(',') ?? null,
      layers: layers.get(address) ?? null,
    })
  }
  for (const name of untold) {
    const message = `options of a file system of type ${name} cannot be told`
    kernel.warn({ code: 'absent', column: 'super_options', message })
  }
  return found
}

function flagWords(flags: number): string[] {
  const words = FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, word]) => word)
  return [(flags & READ_ONLY) === 0 ? 'rw' : 'ro', ...words]
}

/** The function's name, less its module and what a compiler appends; of kernfs with what kind it is of. */
function printerOf(batch: Batch<typeof VALUES>, row: number): string {
  const name = /^\w+/.exec(batch.column('function').text(row) ?? '')?.[0] ?? ''
  return name === KERNFS ? `${KERNFS} of ${batch.column('name').text(row)}` : name
}

/** The options of each kind's own, by superblock. Each kind is asked also where there is none, for all kernels' sake. */
function readWords(
  kernel: Kernel,
  printers: ReadonlyMap<string, readonly bigint[]>,
  facts: Facts,
): Map<bigint, string[] | null> {
  const words = new Map<bigint, string[] | null>()
  for (const [name, { select, texts, words: tell }] of Object.entries(OPTIONS)) {
    const asked = printers.get(name) ?? []
    const batch = ask(kernel, asked, optionals(select))
    const [first] = Object.keys(select)
    const isKnown = first === undefined || !batch.absent(first)
    const more = texts === undefined || !isKnown ? [] : textsOf(ask(kernel, asked, {}, { texts }))
    for (let row = 0; row < batch.length; row++) {
      const isRead = (column: string) => !batch.lost(column) || batch.column(column).get(row) !== null
      const isWhole = isKnown && Object.keys(select).every(isRead)
      words.set(batch.address(row), isWhole ? tell(valuesOf(batch, row, more[row] ?? []), facts) : null)
    }
  }
  return words
}

/** What some superblocks have. A walk is asked only of a kernel that has its types. */
function ask<C extends Children = None>(kernel: Kernel, superblocks: readonly bigint[], select: Selects, children?: C) {
  return kernel
    .unheard()
    .at(superblocks, SUPER_BLOCK)
    .select(select, children ?? ({} as C))
}

function optionals(select: Selects): Selects {
  return Object.fromEntries(Object.entries(select).map(([name, column]) => [name, optional(column)]))
}

/** Texts of each superblock, by their places. */
function textsOf(owners: Batch<Selects, { texts: Texts }>): (string | null)[][] {
  const found = Array.from({ length: owners.length }, (): (string | null)[] => [])
  const batch = owners.child('texts')
  for (let row = 0; row < batch.length; row++) {
    const place = batch.column('at').number(row)
    const own = found[batch.parents[row] ?? 0]
    if (own !== undefined && place !== null) own[place] = batch.column('text').text(row)
  }
  return found
}

function valuesOf(batch: Batch, row: number, texts: readonly (string | null | undefined)[]): Values {
  return {
    number: (name) => batch.column(name).number(row),
    bigint: (name) => batch.column(name).bigint(row),
    text: (name) => batch.column(name).text(row),
    lacks: (name) => batch.absent(name),
    texts: () => texts,
  }
}

function readLayers(kernel: Kernel, overlays: readonly bigint[]): Map<bigint, Layer[]> {
  const uppers = ask(kernel, overlays, optionals({ ...OVERLAY_UPPER, layers: OVERLAY_COUNT }))
  if (uppers.absent('layers')) return new Map()
  const batch = ask(kernel, overlays, {}, { layers: OVERLAY_LAYERS })
  const layers = batch.child('layers')
  const rows = layers.byParent()
  return new Map(
    Array.from({ length: batch.length }, (_, row) => {
      const lower = (rows.get(row) ?? []).map((layer) => layerOf(layers, layer))
      return [batch.address(row), [layerOf(uppers, row), ...lower].filter((layer) => layer !== null)]
    }),
  )
}

function layerOf(batch: Pick<Batch, 'column'>, row: number): Layer | null {
  const [path, superblock] = [batch.column('path').text(row), batch.column('superblock').bigint(row)]
  return path === null || superblock === null ? null : { path, superblock }
}

/** Flags of SELinux for each superblock; null where it is not in force. */
function labelFlags(kernel: Kernel, batch: Batch<typeof VALUES>): (number | null)[] | null {
  const state = kernel
    .unheard()
    .at(batch.addresses.subarray(0, 1), SUPER_BLOCK)
    .select({
      in_force: optional('symbol(struct selinux_state selinux_state).initialized'),
      // Before 5.14 the whole of `s_security` was its own.
      offset: optional('symbol(struct lsm_blob_sizes selinux_blob_sizes).lbs_superblock'),
    })
  const isInForce = state.column('in_force').number(0) === 1
  const offset = BigInt(state.column('offset').number(0) ?? 0)
  const blobs = Array.from({ length: batch.length }, (_, row) => (batch.column('security').bigint(row) ?? 0n) + offset)
  const labels = kernel
    .unheard()
    .at(isInForce ? blobs : [], SUPER_BLOCK)
    .select({
      flags: optional(
        ['sb', 'sid'].map((first) => `container_of(, struct superblock_security_struct, ${first})->flags`),
      ),
    })
  return isInForce ? blobs.map((_, row) => labels.column('flags').number(row)) : null
}

/** `undefined` is no SELinux. Labels that were mount options are numbers here, whose texts only the policy knows. */
function labelWords(flags: number | null | undefined): string[] | null {
  if (flags === undefined) return []
  return flags === null || (flags & SHOWS_LABEL) !== 0 ? null : (flags & HAS_LABELS) === 0 ? [] : ['seclabel']
}

function factsOf(kernel: Kernel, batch: Batch<typeof VALUES>): Facts {
  const quiet = kernel.unheard()
  const addressesOf = (...symbols: string[]) =>
    symbols.flatMap((symbol) => kernel.symbolAddress(symbol) ?? []).slice(0, 1)
  const clock = quiet
    .at(addressesOf('clocksource_jiffies'), 'struct clocksource')
    .select({ mult: 'mult', shift: 'shift' })
  // A tick of so many nanoseconds, shifted (kernel/time/jiffies.c).
  const tick = (clock.column('mult').number(0) ?? 0) / 2 ** (clock.column('shift').number(0) ?? 0)
  const pages = quiet.at(addressesOf('_totalram_pages', 'totalram_pages'), 'unsigned long').select({ value: '' })
  // The kernel mounts this one itself, and asks for nothing.
  const devices = batch.addresses.filter((_, row) => batch.column('name').text(row) === 'devtmpfs')
  const witness = quiet.at(devices, SUPER_BLOCK).select(optionals({ full: TMPFS_INODES }))
  const hierarchies = hierarchyNames(quiet)
  const defaults = new Map(
    OVERLAY_DEFAULTS.map((symbol) => {
      const value = quiet.at(addressesOf(symbol), 'unsigned char').select({ value: '' }).column('value').number(0)
      return [symbol as string, value === null ? null : value !== 0]
    }),
  )
  return {
    hz: tick > 0 ? Math.round(SECOND / tick) : null,
    page_size: kernel.info.page_size,
    pages: pages.column('value').bigint(0),
    inode64: witness.column('full').number(0) === 1,
    init_user_ns: kernel.address('init_user_ns'),
    controllers: (top) => hierarchies.get(top) ?? null,
    flag: (symbol) => defaults.get(symbol) ?? null,
    has: (symbol) => kernel.address(symbol) !== null,
  }
}
