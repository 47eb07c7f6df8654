/** Files that the kernel has in memory, each with the mount that shows it and the container whose it is. */

import { append } from '../append.js'
import { type CachedInode, readInodes } from '../kernel/inodes.js'
import type { Kernel } from '../kernel/kernel.js'
import { type MountRow, readMountTable } from '../kernel/mount-table.js'
import { readMergedDirectories } from '../kernel/overlay-inodes.js'
import type { Layer } from '../kernel/superblocks.js'
import { containerNames, mountOwners, type Owner, ownerOf } from './members.js'
import { listedTasks } from './task.js'

/** Where engines keep what is a container's own: what is mounted from elsewhere is the host's. */
const ENGINES = /\/(?:docker|containerd|containers|kubelet|crio|cri-o|podman|nerdctl|rancher|k3s|k0s|microk8s)(?:\/|$)/

/** A file, with where it is. */
export interface FileRow extends CachedInode, Owner {
  /** Of the mount that shows it at its path; null where none does. */
  mount_id: number | null
  /** Its path within its file system. */
  inner: string | null
}

/** What the mounts of one file system say of the files in it. */
interface View {
  /** In the order in which they are tried. */
  mounts: MountRow[]
  /** Containers by the directories that are theirs; null where a directory is of several. */
  containers: Map<string, string | null>
  isOverlay: boolean
}

/** Every file that has a name in memory, in batches, file system by file system. */
export function* fileRows(kernel: Kernel): Generator<FileRow[]> {
  const views = readViews(kernel)
  const names = containerNames(kernel)
  for (const files of readInodes(kernel)) {
    yield files.map((file) => {
      const view = views.get(file.superblock)
      const container = view === undefined || file.path === null ? null : containerOf(view, file.path)
      const shown = view === undefined || file.path === null ? null : shownAt(view, file.path)
      const path = { inner: file.path, path: shown?.path ?? file.path, mount_id: shown?.mount.id ?? null }
      return Object.assign({}, file, path, ownerOf(container, names))
    })
  }
}

/** Where the host, or else another, sees a path of a file system; that path itself where nobody does. */
export function pathsShown(kernel: Kernel): (superblock: bigint | null, inner: string | null) => string | null {
  const views = readViews(kernel)
  return (superblock, inner) => {
    const view = views.get(superblock ?? 0n)
    return view === undefined || inner === null ? inner : (shownAt(view, inner)?.path ?? inner)
  }
}

/** Where the host has the whole of a file system mounted, by the file system's device. */
export function mountPoints(kernel: Kernel): Map<string, string[]> {
  const host = hostNamespace(kernel)
  const points = new Map<string, string[]>()
  for (const { mounts } of readViews(kernel).values()) {
    for (const { mnt_ns, root, device, target } of mounts) {
      if (mnt_ns === host && root === '/' && device !== null && target !== null) append(points, device, target)
    }
  }
  return points
}

function hostNamespace(kernel: Kernel): number | null {
  return listedTasks(kernel).find(({ pid, tid }) => pid === 1 && tid === 1)?.mnt_ns ?? null
}

/** Views of file systems, by the superblock; read once per image. */
function readViews(kernel: Kernel): ReadonlyMap<bigint, View> {
  return kernel.once(makeViews)
}

function makeViews(kernel: Kernel): Map<bigint, View> {
  const tasks = listedTasks(kernel)
  const host = hostNamespace(kernel)
  const owners = mountOwners(kernel)
  const ownerOfMount = ({ mnt_ns }: MountRow) => owners.get(mnt_ns ?? -1)?.container ?? null
  const mounts = readMountTable(
    kernel,
    tasks.map(({ address }) => address),
  )
  const bySuperblock = new Map<bigint, MountRow[]>()
  for (const mount of mounts) append(bySuperblock, mount.superblock, mount)
  const views = new Map<bigint, View>()
  for (const [superblock, own] of bySuperblock) {
    const isOverlay = own[0]?.type === 'overlay'
    // The root of a container is shown as the container sees it, all else as the host does, where that sees it.
    const rank = (mount: MountRow) =>
      isOverlay ? (isRootOf(mount, ownerOfMount(mount)) ? 0 : 1) : mount.mnt_ns === host ? 0 : 1
    const order = (left: MountRow, right: MountRow) =>
      rank(left) - rank(right) || (left.root?.length ?? 0) - (right.root?.length ?? 0)
    views.set(superblock, { mounts: own.sort(order), containers: new Map(), isOverlay })
  }
  for (const mount of mounts) {
    const container = ownerOfMount(mount)
    const view = views.get(mount.superblock)
    if (container === null || view === undefined || mount.root === null) continue
    if (view.isOverlay) {
      if (!isRootOf(mount, container)) continue
      claim(view, '/', container)
      const upper = mount.layers?.[0]
      const below = upper === undefined ? undefined : views.get(upper.superblock)
      if (below !== undefined && upper !== undefined) claim(below, upper.path, container)
    } else if (isOwn(view, mount.root, ownerOfMount)) claim(view, mount.root, container)
  }
  return views
}

function isRootOf({ target, root }: MountRow, container: string | null): boolean {
  return container !== null && target === '/' && root === '/'
}

/** Whether what a container has mounted is there for containers: nobody else has it, or an engine keeps it. */
function isOwn(view: View, root: string, ownerOfMount: (mount: MountRow) => string | null): boolean {
  if (view.mounts.every((mount) => ownerOfMount(mount) !== null)) return true
  return ENGINES.test(shownAt(view, root)?.path ?? '')
}

function claim({ containers }: View, directory: string, container: string): void {
  const other = containers.get(directory)
  containers.set(directory, other === undefined || other === container ? container : null)
}

/** The container of the nearest directory above a path that is one's. */
function containerOf({ containers }: View, path: string): string | null {
  if (containers.size === 0) return null
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const container = containers.get(path.slice(0, end))
    if (container !== undefined) return container
  }
  return containers.get('/') ?? null
}

/** Where a mount shows a file of its file system. */
function shownAt({ mounts }: Pick<View, 'mounts'>, path: string): { path: string; mount: MountRow } | null {
  for (const mount of mounts) {
    const { root, target } = mount
    if (root === null || target === null) continue
    if (root !== '/' && path !== root && !path.startsWith(`${root}/`)) continue
    const below = root === '/' ? path : path.slice(root.length)
    const shown = target === '/' ? below : `${target}${below === '/' ? '' : below}`
    return { path: shown === '' ? '/' : shown, mount }
  }
  return null
}

/** A container as its own processes see it. */
interface Inside {
  mounts: MountRow[]
  layers: readonly Layer[]
  /** Of its overlay. */
  superblock: bigint | null
}

/**
 * The files that a container sees, by the paths at which it does: of its overlay, of the layers below that, and of
 * whatever else is mounted in it. Of several at one path it is the one on top, and of deleted ones there is none; nothing
 * for no container.
 */
export function mergedFiles(kernel: Kernel, container: string | null): FileRow[] {
  const inside = mountsInside(kernel, container)
  const all = container === null ? [] : [...fileRows(kernel)].flat()
  const files = all.filter(({ deleted, inner }) => !deleted && inner !== null)
  const merged = new Map<string, FileRow>()
  const owner = ownerOf(container, containerNames(kernel))
  const put = (path: string, file: FileRow) => {
    if (!merged.has(path)) merged.set(path, { ...file, path, ...owner })
  }
  const directories = mergedDirectories(kernel, inside, files)
  const layered = files
    .flatMap((file) => inLayer(inside.layers, file))
    .filter(({ path, layer }) => isMerged(path, inside.layers[layer], directories))
  const hidden = new Map<string, number>()
  for (const { path, layer, file } of layered) {
    if (isWhiteout(file)) hidden.set(path, Math.min(layer, hidden.get(path) ?? layer))
  }
  for (const file of files) for (const path of pathsInside(inside.mounts, file)) put(path, file)
  layered.sort((left, right) => left.layer - right.layer)
  for (const { path, layer, file } of layered) {
    if (!isHidden(path, layer, hidden) && topmost(inside.mounts, path)?.target === '/') put(path, file)
  }
  return [...merged.values()].sort((left, right) => compare(left.path ?? '', right.path ?? ''))
}

/** Files of the upper layer of a container's overlay, by the paths at which it has them; what hides others among them. */
export function upperFiles(kernel: Kernel, container: string | null): { path: string; file: FileRow }[] {
  const { layers } = mountsInside(kernel, container)
  const top = layers.slice(0, 1)
  const files = top.length === 0 ? [] : [...fileRows(kernel)].flat()
  return files
    .filter(({ deleted, inner }) => !deleted && inner !== null)
    .flatMap((file) => inLayer(top, file))
    .sort((left, right) => compare(left.path, right.path))
}

/** Whether a file of an upper layer only says that there is none: a device without a number. */
export function isWhiteout({ type, rdev }: FileRow): boolean {
  return type === 'character' && rdev === 0
}

const compare = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0)

function mountsInside(kernel: Kernel, container: string | null): Inside {
  if (container === null) return { mounts: [], layers: [], superblock: null }
  const all = [...readViews(kernel).values()].flatMap(({ mounts }) => mounts)
  const owners = mountOwners(kernel)
  const own = all.filter(({ mnt_ns }) => owners.get(mnt_ns ?? -1)?.container === container)
  const root = own.find(({ type, target, root }) => type === 'overlay' && target === '/' && root === '/')
  return { mounts: own, layers: root?.layers ?? [], superblock: root?.superblock ?? null }
}

/** The mount that a path is on: of those above it the nearest, and of several there the last. */
function topmost(mounts: readonly MountRow[], path: string): MountRow | undefined {
  let found: MountRow | undefined
  for (const mount of mounts) {
    const { target } = mount
    if (target === null || (target !== '/' && path !== target && !path.startsWith(`${target}/`))) continue
    const longer = target.length - (found?.target?.length ?? 0)
    if (longer > 0 || (longer === 0 && (mount.id ?? 0) > (found?.id ?? 0))) found = mount
  }
  return found
}

function pathsInside(mounts: readonly MountRow[], file: FileRow): string[] {
  const own = mounts.filter(({ superblock }) => superblock === file.superblock)
  return own.flatMap((mount) => {
    const shown = shownAt({ mounts: [mount] }, file.inner ?? '')
    return shown !== null && topmost(mounts, shown.path) === mount ? [shown.path] : []
  })
}

interface Layered {
  path: string
  /** 0 is the upper one. */
  layer: number
  file: FileRow
}

function inLayer(layers: readonly Layer[], file: FileRow): Layered[] {
  const inner = file.inner ?? ''
  const layer = layers.findIndex(
    ({ superblock, path }) => superblock === file.superblock && inner.startsWith(`${path}/`),
  )
  return layer < 0 ? [] : [{ path: inner.slice(layers[layer]?.path.length), layer, file }]
}

/** What the container's directories are put together from, by their paths, as far as the kernel has them in memory. */
function mergedDirectories(kernel: Kernel, inside: Inside, files: readonly FileRow[]): Map<string, readonly Layer[]> {
  const own = files.filter(({ superblock, type }) => superblock === inside.superblock && type === 'directory')
  const merged = readMergedDirectories(
    kernel,
    own.map(({ address }) => address),
  )
  return new Map(
    own.flatMap(({ address, inner }) => {
      const layers = merged.get(address)
      return layers === undefined || inner === null ? [] : [[inner, layers] as const]
    }),
  )
}

/** Whether the directories above a path show what a layer has there: one that is opaque shows nothing from below it. */
function isMerged(path: string, layer: Layer | undefined, directories: ReadonlyMap<string, readonly Layer[]>): boolean {
  if (layer === undefined) return false
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const directory = path.slice(0, end)
    const of = `${layer.path === '/' ? '' : layer.path}${directory}`
    const shown = directories.get(directory)
    if (shown?.some((one) => one.superblock === layer.superblock && one.path === of) === false) return false
  }
  return true
}

/** Whether a layer further up says that a path, or a directory above it, is gone. */
function isHidden(path: string, layer: number, hidden: ReadonlyMap<string, number>): boolean {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    if ((hidden.get(path.slice(0, end)) ?? Number.POSITIVE_INFINITY) <= layer) return true
  }
  return false
}
