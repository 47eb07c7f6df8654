/** `struct address_space`: the file that pages are of. */

import { deviceName } from '../device-names.js'
import type { Kernel } from '../kernel.js'
import { readMounts } from '../mounts.js'
import { dentryPath, firstOf, hlist, type Nested, text } from '../query.js'

/** A file with pages in memory. */
export interface PageFile {
  /** As the host sees it; within its own file system where that is mounted nowhere. */
  path: string | null
  inode: number | bigint | null
  /** `major:minor`. */
  device: string | null
  /** Address of its `struct inode`. */
  address: bigint | null
  /** Whether the host has its file system mounted. */
  on_host: boolean
}

/** A file's names, newest first. */
const NAMES = {
  walk: firstOf(
    hlist('host->i_dentry', 'struct dentry', 'd_u.d_alias'),
    hlist('host->i_dentry', 'struct dentry', 'd_alias'),
  ),
  rules: [{ path: 'd_inode', is: { equals: '^.host' } }],
  select: { path: dentryPath(''), name: text('d_name.name', 256), parent: 'd_parent' },
} satisfies Nested

const FILE = {
  address: 'host',
  inode: 'host->i_ino',
  device: 'host->i_sb->s_dev',
  superblock: 'host->i_sb',
  links: 'host->i_nlink',
  cached: 'nrpages',
  block_device: 'host->i_rdev',
  type: text('host->i_sb->s_type->name', 32),
} as const

/**
 * Files by the addresses of their `address_space`s. `viewer` is a task whose mounts give the paths: the host's first. One
 * that has no pages has none of those that name it either: they, or it, are of another moment.
 */
export function readPageFiles(
  kernel: Kernel,
  mappings: Iterable<bigint>,
  viewer: bigint | null,
): Map<bigint, PageFile> {
  const files = kernel.at(new Set(mappings), 'struct address_space').select(FILE, { names: NAMES })
  const names = files.child('names')
  const first = new Map<number, string | null>()
  for (let row = 0; row < names.length; row++) {
    const parent = names.parents[row] ?? 0
    // What is in no directory, as a memfd, is its own parent.
    const own = names.column('parent').bigint(row) === names.address(row)
    const path = own ? `/${names.column('name').text(row) ?? ''}` : names.column('path').text(row)
    if (!first.has(parent)) first.set(parent, path)
  }
  const mounted = mountPoints(kernel, viewer)
  const rows = Array.from({ length: files.length }, (_, row) => row)
  const whole = rows.filter((row) => files.column('cached').number(row) !== 0)
  if (whole.length < rows.length) {
    const message = 'pages name files that have no pages: of no file here'
    kernel.warn({ code: 'torn', message, count: rows.length - whole.length })
  }
  return new Map(
    whole.map((row) => {
      const superblock = files.column('superblock').bigint(row)
      const below = superblock === null ? undefined : mounted.get(superblock)
      const type = files.column('type').text(row)
      // The pages of a block device are its file system's own tables.
      const isDevice = type === 'bdev'
      const block = deviceName(files.column('block_device').number(row))
      const within = isDevice ? `[block device ${block}]` : (first.get(row) ?? null)
      const gone = files.column('links').number(row) === 0 && !isDevice
      const path = within === null || below === undefined ? within : `${below === '/' ? '' : below}${within}`
      const file = {
        path: path === null ? null : `${path}${gone ? ' (deleted)' : ''}`,
        inode: files.column('inode').exact(row),
        device: deviceName(files.column('device').number(row)),
        address: files.column('address').bigint(row),
        on_host: below !== undefined,
      }
      return [files.address(row), file]
    }),
  )
}

/** Where the root of each file system is mounted first, by its `super_block`. */
function mountPoints(kernel: Kernel, viewer: bigint | null): Map<bigint, string> {
  const mounts = (viewer === null ? [] : [...readMounts(kernel, [viewer], true).values()].flat()).filter(
    ({ root, target }) => root === '/' && target !== null,
  )
  const supers = kernel
    .at(
      mounts.map(({ address }) => address),
      'struct mount',
    )
    .select({ superblock: 'mnt.mnt_sb' })
  const points = new Map<bigint, string>()
  for (const [row, { target }] of mounts.entries()) {
    const superblock = supers.column('superblock').bigint(row)
    if (superblock !== null && target !== null && !points.has(superblock)) points.set(superblock, target)
  }
  return points
}
