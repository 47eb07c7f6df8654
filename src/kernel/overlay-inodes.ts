/** Inodes of overlays: where in the layers below they have their contents (fs/overlayfs/ovl_entry.h). */

import { append } from '../append.js'
import type { CachedInode } from './inodes.js'
import type { Kernel } from './kernel.js'
import { rulesOf } from './objects.js'
import { array, dentryPath, firstOf, type Nested, obeys, optional } from './query.js'
import type { Layer } from './superblocks.js'

export const INODE = 'struct inode'

/** A path from the struct that a file system has around an inode. */
export const around = (type: string, member: string) => `container_of(, ${type}, vfs_inode)->${member}`

/** Bytes of so many pages. */
export const pageBytes = (pages: number | null, size: number) => (pages === null ? null : pages * size)

const ofOverlay = (member: string) => around('overlay:struct ovl_inode', member)
/** Where the contents of a file are: in the upper layer if it has it. */
const UPPER = optional(ofOverlay('__upperdentry->d_inode'))
const LOWER = optional(['oe->__lowerstack[0].dentry->d_inode', 'lowerpath.dentry->d_inode', 'lower'].map(ofOverlay))

/** Where a file of an overlay has its contents, and how many pages of it are cached there. */
interface Contents {
  readonly inode: bigint
  readonly layer: 'upper' | 'lower'
  readonly pages: number | null
}

/** Those of some inodes, in their order; null for one that has its own, or where they cannot be read. */
function contentsOf(kernel: Kernel, inodes: readonly bigint[]): (Contents | null)[] {
  const upper = kernel.at(inodes, INODE).select({ inode: UPPER }).column('inode')
  const below = inodes.filter((_, row) => !upper.bigint(row))
  const lower = kernel.at(below, INODE).select({ inode: LOWER }).column('inode')
  const lowerOf = new Map(below.map((inode, row) => [inode, lower.bigint(row)]))
  const found = inodes.map((inode, row) => upper.bigint(row) || lowerOf.get(inode) || inode)
  const layers = kernel.at(found, INODE).select({ pages: 'i_mapping->nrpages', sound: obeys(rulesOf(INODE)) })
  return found.map((inode, row) => {
    if (inode === inodes[row] || layers.column('sound').number(row) !== 1) return null
    return { inode, layer: upper.bigint(row) ? 'upper' : 'lower', pages: layers.column('pages').number(row) }
  })
}

/** Finds the inodes of the layers that files of overlays have their contents in, and what is cached of them there. */
export function followLayers(kernel: Kernel, found: CachedInode[]): void {
  const contents = contentsOf(
    kernel,
    found.map(({ address }) => address),
  )
  for (const [row, file] of found.entries()) {
    const own = contents[row]
    if (own == null) continue
    Object.assign(file, { contents: own.inode, layer: own.layer })
    file.cached_bytes = pageBytes(own.pages, kernel.info.page_size)
  }
}

/** The inode that a file or link of an overlay has its contents in; its own where that cannot be read. */
export function contentsInode(kernel: Kernel, inode: bigint): bigint {
  return contentsOf(kernel, [inode])[0]?.inode ?? inode
}

/** OVL_MAX_STACK (fs/overlayfs/params.c, super.c before 6.5). */
const MOST_LAYERS = 500
/** Before 6.5 an inode knows the first directory alone: all are with its name. */
const ENTRY = '((overlay:struct ovl_entry *)container_of(i_dentry.first, struct dentry, d_u.d_alias)->d_fsdata)'
const PART = 'overlay:struct ovl_path'
const BELOW = {
  walk: firstOf(
    array(ofOverlay('oe->__lowerstack'), { count: ofOverlay('oe->__numlower'), type: PART, most: MOST_LAYERS }),
    array(`${ENTRY}->lowerstack`, { count: `${ENTRY}->numlower`, type: PART, most: MOST_LAYERS }),
  ),
  optional: true,
  select: { path: dentryPath('dentry'), superblock: 'dentry->d_sb' },
} satisfies Nested

/**
 * The directories of layers that each directory of an overlay is put together from, by the inode. One that is opaque, or
 * was made anew, has none of those below it, whatever is there at the same path. What cannot be read whole is left out.
 */
export function readMergedDirectories(kernel: Kernel, inodes: readonly bigint[]): Map<bigint, Layer[]> {
  const batch = kernel.at(inodes, INODE).select(
    {
      upper: optional(ofOverlay('__upperdentry')),
      path: optional(dentryPath(ofOverlay('__upperdentry'))),
      superblock: optional(ofOverlay('__upperdentry->d_sb')),
    },
    { below: BELOW },
  )
  const below = batch.child('below')
  const merged = new Map<bigint, (Layer | null)[]>()
  const add = (inode: bigint, path: string | null, superblock: bigint | null) =>
    append(merged, inode, path === null || !superblock ? null : { path, superblock })
  for (let row = 0; row < batch.length; row++) {
    if (!batch.column('upper').bigint(row)) continue
    add(batch.address(row), batch.column('path').text(row), batch.column('superblock').bigint(row))
  }
  for (let row = 0; row < below.length; row++) {
    const inode = batch.address(below.parents[row] ?? 0)
    add(inode, below.column('path').text(row), below.column('superblock').bigint(row))
  }
  const isWhole = (layers: (Layer | null)[]): layers is Layer[] => !layers.includes(null)
  return new Map([...merged].flatMap(([inode, layers]) => (isWhole(layers) ? [[inode, layers] as const] : [])))
}
