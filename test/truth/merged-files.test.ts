/** The merged view of a container, where a directory hides what the layers below have at its path. */

import { describe, expect, it } from 'vitest'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { readMergedDirectories } from '../../dist/src/kernel/overlay-inodes.js'
import type { Paths } from '../../dist/src/kernel/query.js'
import { containerRows } from '../../dist/src/tables/containers.js'
import { type FileRow, fileRows, mergedFiles } from '../../dist/src/tables/files.js'
import { sharedImages } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

const OPENED = { cacheDir: null }
/** What an overlay knows of a directory's layers: with the inode, or before 6.5 with its name. */
const INODE = 'container_of(, overlay:struct ovl_inode, vfs_inode)'
const ENTRY = '((overlay:struct ovl_entry *)container_of(i_dentry.first, struct dentry, d_u.d_alias)->d_fsdata)'
/** How many directories of lower layers one is put together from, and the first of them. */
const COUNT: Paths = [`${INODE}->oe->__numlower`, `${ENTRY}->numlower`]
const FIRST: Paths = [`${INODE}->oe->__lowerstack[0].dentry`, `${ENTRY}->lowerstack[0].dentry`]
const UPPER = `${INODE}->__upperdentry`

const parentOf = (path: string | null) => path?.slice(0, path.lastIndexOf('/')) ?? ''

interface Chosen {
  container: string
  directory: FileRow
  hasUpper: boolean
  /** Whether a file is of a layer below. */
  isBelow: (file: FileRow) => boolean
}

/** A directory that layers below have, with a file that only they have. */
function chosenIn(kernel: Kernel): Chosen | undefined {
  const all = [...fileRows(kernel)].flat()
  for (const { id } of containerRows(kernel, () => {})) {
    const own = all.filter(({ container, type }) => container === id && type === 'directory')
    for (const file of mergedFiles(kernel, id)) {
      const directory = own.find(({ inner }) => inner !== '/' && inner === parentOf(file.path))
      if (directory === undefined || directory.superblock === file.superblock) continue
      const upper = word(kernel, directory.address, 'struct inode', UPPER).value
      const layers = readMergedDirectories(kernel, [directory.address]).get(directory.address) ?? []
      const isBelow = (one: FileRow) =>
        (upper === 0n ? layers.slice(0, 1) : layers.slice(1)).some(({ path, superblock }) => {
          return superblock === one.superblock && one.inner?.startsWith(`${path}/`) === true
        })
      if (isBelow(file)) return { container: id, directory, isBelow, hasUpper: upper !== 0n }
    }
  }
  return undefined
}

describe.each(sharedImages())('$title', (image) => {
  image.require()
  let chosen: Chosen | undefined
  const copy = patchedCopy(image, (kernel): Patch[] => {
    chosen = chosenIn(kernel)
    const directory = chosen?.directory.address ?? 0n
    if (!chosen?.hasUpper) {
      // Of another directory: that above it.
      const { at, value } = word(kernel, directory, 'struct inode', FIRST)
      return [[at, value, word(kernel, value, 'struct dentry', 'd_parent').value]]
    }
    const { at } = word(kernel, directory, 'struct inode', COUNT)
    const { value } = word(kernel, at, 'unsigned long', '')
    return [[at, value, value & ~0xffff_ffffn]]
  })

  it('does not show what is below a directory that has nothing from there', () => {
    const seen = [image.as('raw'), copy.path].map((path) => {
      const kernel = Kernel.attach(Kernel.open(path, OPENED).id, () => {})
      const paths = mergedFiles(kernel, chosen?.container ?? '').map((file) => {
        return { path: file.path, isBelow: chosen?.isBelow(file) }
      })
      kernel.close()
      return paths
    })
    const [before = [], after = []] = seen
    const hidden = before.filter(({ isBelow }) => isBelow)
    expect(hidden.length).toBeGreaterThan(0)
    // What the container itself has in memory by the same directory stays, and so does all else.
    expect(after).toEqual(before.filter((file) => !hidden.includes(file)))
  })
})
