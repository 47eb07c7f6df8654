/** Pins: inodes of a bpf file system, each of which holds an object (kernel/bpf/inode.c). */

import type { Kernel } from '../kernel.js'
import { chain, dentryPath, dPath, firstOf, hlist, list, type Nested } from '../query.js'

/** Operations of the inodes that hold something. */
const OPERATIONS = { program: 'bpf_prog_iops', map: 'bpf_map_iops', link: 'bpf_link_iops' } as const

/** What is pinned, and where. */
export interface Pin {
  kind: keyof typeof OPERATIONS
  paths: string[]
}

/** Where a file system is mounted: a chain from 6.18 on, a list before. */
const MOUNTS = firstOf(
  list('s_mounts', 'struct mount', 'mnt_instance'),
  chain('s_mounts', 'struct mount', 'mnt_next_for_sb'),
)

const INODES = {
  walk: list('s_inodes', 'struct inode', 'i_sb_list'),
  rules: [{ path: 'i_sb', is: 'origin' }],
  select: { operations: 'i_op', object: 'i_private' },
  children: {
    names: {
      walk: hlist('i_dentry', 'struct dentry', ['d_u.d_alias', 'd_alias']),
      select: { path: dentryPath('') },
    },
  },
} satisfies Nested

/** Pins by the address of what they hold; read once per image. */
export function readPins(kernel: Kernel): ReadonlyMap<bigint, Readonly<Pin>> {
  return kernel.once(readEveryPin)
}

function readEveryPin(kernel: Kernel): Map<bigint, Pin> {
  const mounts = { walk: MOUNTS, select: { id: 'mnt_id', target: dPath('mnt') } } satisfies Nested
  const supers = kernel
    .at(kernel.addresses('bpf_fs_type'), 'struct file_system_type')
    .walk(hlist('fs_supers', 'struct super_block', 's_instances'))
    .select({}, { mounts, inodes: INODES })
  const targets = oldestMounts(supers.child('mounts'))
  const inodes = supers.child('inodes')
  const names = inodes.child('names')
  const namesOf = names.byParent()
  const kinds = Object.entries(OPERATIONS).map(
    ([kind, symbol]) => [kernel.address(symbol), kind as Pin['kind']] as const,
  )
  const kindOf = new Map(kinds)
  const pins = new Map<bigint, Pin>()
  for (let row = 0; row < inodes.length; row++) {
    const object = inodes.column('object').bigint(row)
    const kind = kindOf.get(inodes.column('operations').bigint(row))
    if (object === null || kind === undefined) continue
    const mounted = targets.get(inodes.parents[row] ?? 0) ?? ''
    const paths = (namesOf.get(row) ?? []).map((name) => `${mounted}${names.column('path').text(name) ?? '?'}`)
    pins.set(object, { kind, paths: [...(pins.get(object)?.paths ?? []), ...paths] })
  }
  return pins
}

interface MountRows {
  readonly length: number
  readonly parents: Uint32Array
  column(name: 'id' | 'target'): { number(row: number): number | null; text(row: number): string | null }
}

/** Of each file system, where it was mounted first: a mount namespace made later has a copy. */
function oldestMounts(mounts: MountRows): Map<number, string> {
  const oldest = new Map<number, { id: number; target: string }>()
  for (let row = 0; row < mounts.length; row++) {
    const [parent, id] = [mounts.parents[row] ?? 0, mounts.column('id').number(row)]
    const target = mounts.column('target').text(row)
    if (id === null || target === null) continue
    const known = oldest.get(parent)
    if (known === undefined || id < known.id) oldest.set(parent, { id, target: target === '/' ? '' : target })
  }
  return new Map([...oldest].map(([parent, { target }]) => [parent, target]))
}
