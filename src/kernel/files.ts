/** Files of a mount namespace as the kernel has them cached: the dentry tree, and the pages of each inode. */

import type { Batch } from './batch.js'
import { hashedChildren } from './hash-tables.js'
import type { Kernel } from './kernel.js'
import { readMounts } from './mounts.js'
import { CHILD } from './objects.js'
import { contentsInode } from './overlay-inodes.js'
import { cached, contents, firstOf, hlist, list, object, text } from './query.js'

const DENTRY = 'struct dentry'
const TYPE_MASK = 0o170000
/** A file larger than this is no configuration; its text is not read. */
const LARGEST = 4 << 20
/** A symlink to a symlink to …: the kernel gives up after 40 as well (MAXSYMLINKS). */
const MOST_LINKS = 40

/** Names of one directory that are looked at. */
const MOST_NAMES = 1 << 16
/** Directories and files that are read, and characters of these: directories may hold one file under many names. */
const MOST_READS = 1 << 15
const MOST_TEXT = 256 << 20

/** PATH_MAX (include/uapi/linux/limits.h). */
const LONGEST_PATH = 4096

export type FileKind = 'file' | 'directory' | 'symlink' | 'other'

/** A name in a directory. */
export interface Entry {
  name: string
  path: string
  kind: FileKind
  /** The dentry. */
  address: bigint
}

/** Why a file has no text of which pages have left memory. */
export const EVICTED = 'not wholly in the page cache'

/** What the page cache holds of a file; `reason` tells why it is not whole. */
export type Contents = { text: string; address: bigint } | { text: null; reason: string }

/** A place in the mount tree: what the kernel calls `struct path`. */
interface Place {
  mount: bigint
  dentry: bigint
}

interface Node extends Entry {
  inode: bigint
}

/** Children of a dentry: a list before 6.8, an hlist from then on. */
const CHILDREN = firstOf(hlist('d_children', DENTRY, 'd_sib'), list('d_subdirs', DENTRY, 'd_child'))

const MEMBERS = {
  name: text('d_name.name', 256),
  inode: 'd_inode',
  mode: 'd_inode->i_mode',
  hashed: 'd_hash.pprev',
}

/** The files that one task sees, as far as the kernel has them in memory. */
export class CachedFiles {
  readonly #kernel: Kernel
  readonly #root: Place
  /** Which mount covers a place: by parent mount and dentry. */
  readonly #covers = new Map<string, Place>()
  /** Mounts whose files have their contents in layers below. */
  readonly #overlays = new Set<bigint>()
  readonly #directories = new Map<bigint, Map<string, Node>>()
  /** Made when the first directory is found to be torn. */
  #table: Map<bigint, bigint[]> | null = null
  #reads = MOST_READS
  #text = MOST_TEXT

  private constructor(kernel: Kernel, root: Place) {
    this.#kernel = kernel
    this.#root = root
  }

  /** The files as a task sees them, from its own root on; null when its root cannot be read. */
  static of(kernel: Kernel, task: bigint): CachedFiles | null {
    const batch = kernel
      .at([task], 'struct task_struct')
      .walk(object('fs'))
      .select({ dentry: 'root.dentry', vfsmount: 'root.mnt' })
    const mounts = readMounts(kernel, [task], false).get(task) ?? []
    const vfsmount = batch.length === 0 ? null : batch.column('vfsmount').bigint(0)
    const dentry = batch.length === 0 ? null : batch.column('dentry').bigint(0)
    const mount = mounts.find((candidate) => candidate.vfsmount === vfsmount)
    if (!mount || !dentry) return null
    const files = new CachedFiles(kernel, { mount: mount.address, dentry })
    for (const { address, parent, mountpoint, root_dentry, type } of mounts) {
      if (type === 'overlay') files.#overlays.add(address)
      if (parent !== address)
        files.#covers.set(key({ mount: parent, dentry: mountpoint }), { mount: address, dentry: root_dentry })
    }
    return files
  }

  /** Names in a directory that the dentry cache knows, sorted; none where the directory itself is not cached. */
  list(path: string): Entry[] {
    const place = this.#resolve(path)
    if (!place) return []
    const prefix = path.endsWith('/') ? path : `${path}/`
    return [...this.#children(place.dentry).values()]
      .map(({ name, kind, address }) => ({ name, path: prefix + name, kind, address }))
      .sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0))
  }

  /** The text of a file, where the page cache has all of it. */
  read(path: string): Contents {
    const node = this.#node(path)
    if (!node) return { text: null, reason: 'not in the dentry cache' }
    if (node.kind !== 'file') return { text: null, reason: `a ${node.kind}` }
    if (!this.#mayRead()) return { text: null, reason: 'too much was read before' }
    // What was dropped from the page cache, or never came there, is no damage: that alone is not told.
    const value = this.#whole(this.#kernel.unheard(), node.inode) ?? this.#damaged(node.inode)
    this.#text -= value?.length ?? 0
    return value === null ? { text: null, reason: EVICTED } : { text: value, address: node.inode }
  }

  #whole(kernel: Kernel, inode: bigint): string | null {
    const batch = kernel.at([inode], 'struct inode').select({ text: contents('', LARGEST) })
    return batch.column('text').text(0)
  }

  /** Reads a file that could not be read again, so that the reason is told, unless pages are missing and nothing else is. */
  #damaged(inode: bigint): string | null {
    const found = this.#kernel.fileContents(inode)
    const pieces = found === null || found.size > LARGEST ? [] : [...found]
    const isDropped = pieces.every(
      (piece) => 'bytes' in piece || ('missing' in piece && piece.missing === 'not cached'),
    )
    return isDropped && pieces.length > 0 ? null : this.#whole(this.#kernel, inode)
  }

  /** What the page cache holds of a file, with NULs where pages are missing; null where there is nothing. */
  readPresent(path: string): { text: string; address: bigint } | null {
    const node = this.#node(path)
    if (node?.kind !== 'file' || !this.#mayRead()) return null
    const batch = this.#kernel.at([node.inode], 'struct inode').select({ text: cached('', LARGEST) })
    const value = batch.column('text').text(0)
    this.#text -= value?.length ?? 0
    return value === null ? null : { text: value, address: node.inode }
  }

  /** What the page cache holds of a file, as bytes; null where there is nothing, or more than is read. */
  readBytes(path: string): { bytes: Uint8Array; address: bigint } | null {
    const node = this.#node(path)
    if (node?.kind !== 'file' || !this.#mayRead()) return null
    const contents = this.#kernel.fileContents(node.inode)
    if (contents === null || contents.size === 0 || contents.size > Math.min(LARGEST, this.#text)) return null
    const bytes = new Uint8Array(contents.size)
    for (const piece of contents) if ('bytes' in piece) bytes.set(piece.bytes, piece.offset)
    this.#text -= bytes.length
    return { bytes, address: node.inode }
  }

  /** The inode of a file; null where the dentry cache does not know one by that name. */
  inode(path: string): bigint | null {
    const node = this.#node(path)
    return node?.kind === 'file' ? node.inode : null
  }

  /** Where a symlink points. */
  readlink(path: string): string | null {
    const node = this.#node(path, false)
    return node?.kind === 'symlink' ? this.#target(node) : null
  }

  /** A symlink's target: short ones lie in the inode, long ones in the page cache. */
  #target(node: Node): string | null {
    const inode = this.#kernel.at([node.inode], 'struct inode')
    const short = inode
      .select({ link: text('i_link', LONGEST_PATH) })
      .column('link')
      .text(0)
    return (
      short ||
      inode
        .select({ link: cached('', LONGEST_PATH) })
        .column('link')
        .text(0)
    )
  }

  /** Whether another directory or file may be read; warns where it may not. */
  #mayRead(): boolean {
    this.#reads--
    if (this.#reads >= 0 && this.#text > 0) return true
    this.#kernel.warn({ code: 'cap', message: 'more directories and files in the page cache than are read' })
    return false
  }

  #children(dentry: bigint): Map<string, Node> {
    const known = this.#directories.get(dentry)
    if (known) return known
    if (!this.#mayRead()) return new Map()
    const listed = this.#kernel.at([dentry], DENTRY).walk(CHILDREN).obeying([CHILD]).most(MOST_NAMES).select(MEMBERS)
    const children = new Map<string, Node>()
    addNodes(listed, children)
    if (listed.torn) addNodes(this.#kernel.at(this.#hashed(dentry), DENTRY).select(MEMBERS), children)
    this.#directories.set(dentry, children)
    return children
  }

  /** A name in a directory, with the inode that its contents are in. */
  #child({ mount, dentry }: Place, name: string): Node | undefined {
    const node = this.#children(dentry).get(name)
    const isBelow = this.#overlays.has(mount) && (node?.kind === 'file' || node?.kind === 'symlink')
    return node !== undefined && isBelow ? { ...node, inode: contentsInode(this.#kernel, node.inode) } : node
  }

  /** The directory's children that the dentry hash table knows. */
  #hashed(dentry: bigint): bigint[] {
    this.#table ??= hashedChildren(this.#kernel)
    return this.#table.get(dentry) ?? []
  }

  #node(path: string, follow = true): Node | null {
    const slash = path.lastIndexOf('/')
    const directory = this.#resolve(path.slice(0, slash) || '/')
    const node = directory && this.#child(directory, path.slice(slash + 1))
    if (!node) return null
    if (!follow || node.kind !== 'symlink') return node
    const target = this.#follow(path, this.#target(node))
    return target === null ? null : this.#node(target, false)
  }

  #follow(path: string, link: string | null): string | null {
    if (link === null) return null
    return link.startsWith('/') ? link : normalize(`${path.slice(0, path.lastIndexOf('/'))}/${link}`)
  }

  #resolve(path: string, links = 0): Place | null {
    let place = this.#top(this.#root)
    let walked = ''
    const names = path.split('/').filter((name) => name !== '')
    for (const [index, name] of names.entries()) {
      const node = this.#child(place, name)
      if (!node) return null
      if (node.kind === 'symlink') {
        const target = this.#follow(`${walked}/${name}`, this.#target(node))
        if (target === null || links >= MOST_LINKS) return null
        return this.#resolve([target, ...names.slice(index + 1)].join('/'), links + 1)
      }
      walked = `${walked}/${name}`
      place = this.#top({ mount: place.mount, dentry: node.address })
    }
    return place
  }

  /** The root of the topmost mount at a place. */
  #top(place: Place): Place {
    let at = place
    for (let depth = 0; depth < MOST_LINKS; depth++) {
      const cover = this.#covers.get(key(at))
      if (!cover) break
      at = cover
    }
    return at
  }
}

/** Adds the names that exist; the first dentry of a name counts. */
function addNodes(batch: Batch<typeof MEMBERS>, nodes: Map<string, Node>): void {
  for (let row = 0; row < batch.length; row++) {
    const name = batch.column('name').text(row)
    const inode = batch.column('inode').bigint(row)
    // A dentry without an inode says that the name does not exist, and an unhashed one that it was removed.
    if (name === null || !inode || !batch.column('hashed').bigint(row) || nodes.has(name)) continue
    const kind = fileKind(batch.column('mode').number(row))
    nodes.set(name, { name, path: '', kind, address: batch.address(row), inode })
  }
}

function key(place: Place): string {
  return `${place.mount}:${place.dentry}`
}

function normalize(path: string): string {
  const names: string[] = []
  for (const name of path.split('/')) {
    if (name === '..') names.pop()
    else if (name !== '' && name !== '.') names.push(name)
  }
  return `/${names.join('/')}`
}

function fileKind(mode: number | null): FileKind {
  switch ((mode ?? 0) & TYPE_MASK) {
    case 0o100000:
      return 'file'
    case 0o040000:
      return 'directory'
    case 0o120000:
      return 'symlink'
    default:
      return 'other'
  }
}
