/** What was written into containers after their images: the files of their upper layers. */

interface MountLike {
  readonly container: string | null
  readonly mnt_ns: number | bigint | null
  readonly target: string | null
  readonly type: string | null
  readonly layers: readonly string[] | null
}

interface FileLike {
  readonly path: string | null
  readonly type: string | null
  readonly layer?: string | null
}

interface Mounts<M extends MountLike> {
  where(column: 'target', value: string): readonly M[]
}

interface Files<F extends FileLike> {
  where(column: 'container', value: string): readonly F[]
}

/** Files of one container's upper layer by their paths in the container. */
export interface UpperLayer<F> {
  /** Mount namespace in which these paths hold. */
  readonly mnt_ns: number | bigint | null
  readonly files: ReadonlyMap<string, F>
}

/**
 * Gives the upper layer of a container; each is read once. What is a mount point there is left out: the runtime makes
 * files for what it mounts over them.
 */
export function upperLayers<M extends MountLike, F extends FileLike>(
  mounts: Mounts<M>,
  files: Files<F>,
): (container: string | null) => UpperLayer<F> | undefined {
  const roots = new Map<string, M>()
  for (const root of mounts.where('target', '/')) {
    if (root.container === null || root.type !== 'overlay' || !root.layers?.[0]) continue
    if (!roots.has(root.container)) roots.set(root.container, root)
  }
  const read = new Map<string, UpperLayer<F>>()
  return (container) => {
    const root = container === null ? undefined : roots.get(container)
    if (container === null || root === undefined) return undefined
    const known = read.get(container)
    if (known !== undefined) return known
    const layer = { mnt_ns: root.mnt_ns, files: inUpper(mounts, files.where('container', container), root) }
    read.set(container, layer)
    return layer
  }
}

/**
 * `files.layer` says it of all that the container has a name for yet; what its name was lost of lies in the folder of the
 * layer all the same. Of a file that is there twice the layer's own row counts, which knows when it was made.
 */
function inUpper<M extends MountLike, F extends FileLike>(mounts: Mounts<M>, rows: readonly F[], root: M) {
  const upper = `${root.layers?.[0] ?? ''}/`
  const found = new Map<string, F>()
  const add = (inside: string, file: F) => {
    if (!mounts.where('target', inside).some(({ mnt_ns }) => mnt_ns === root.mnt_ns)) found.set(inside, file)
  }
  for (const file of rows) if (file.layer === 'upper' && file.path !== null) add(file.path, file)
  for (const file of rows) {
    const at = file.path?.indexOf(upper) ?? -1
    if (file.path !== null && at >= 0) add(file.path.slice(at + upper.length - 1), file)
  }
  return found
}
