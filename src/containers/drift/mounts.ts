/** What a container sees of files, against what it was declared to. */

import type { Difference, DriftEvidence, DriftMount } from './types.js'

type Of = Omit<Difference, 'process'>

/** What runc makes beside what is declared (libcontainer/rootfs_linux.go). */
const RUNTIMES_OWN = new Set(['/', '/dev/console'])
/** Devices that a rootless runtime binds, for it may make none. */
const BOUND_DEVICES = /^\/dev\/(?:null|zero|full|random|urandom|tty|console)$/

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}

function isReadOnly({ options }: DriftMount): boolean | null {
  return options === null ? null : options.split(',').includes('ro')
}

/** The mount that is seen at a path: of several the last one. */
function mountAt(mounts: readonly DriftMount[], path: string): DriftMount | undefined {
  return mounts.findLast(({ target }) => target === path)
}

/** Links that images have (Debian and Fedora since they merged /usr): the kernel has a mount where the link leads. */
const LINKS = [
  ['/var/run/', '/run/'],
  ['/lib/', '/usr/lib/'],
  ['/lib64/', '/usr/lib64/'],
  ['/bin/', '/usr/bin/'],
  ['/sbin/', '/usr/sbin/'],
] as const

/** A declared path as the kernel may have it. */
function spellings(path: string): string[] {
  const plain = path.length > 1 ? path.replace(/\/+$/, '') : path
  return [plain, ...LINKS.filter(([link]) => plain.startsWith(link)).map(([link, to]) => to + plain.slice(link.length))]
}

function declaredMounts({ spec }: DriftEvidence, mounts: readonly DriftMount[]): Of[] {
  return spec.mounts.flatMap(({ target, source, type, options }): Of[] => {
    const found = spellings(target)
      .map((path) => mountAt(mounts, path))
      .find((mount) => mount !== undefined)
    const declared = `${type ?? 'bind'} of ${source ?? 'nothing'}`
    const about = { aspect: 'mount' as const, name: target }
    if (found === undefined) return [{ ...about, declared, actual: 'not there', weaker: null }]
    const seen = type === 'cgroup' && found.type === 'tmpfs' ? hierarchies(mounts, target) : [found]
    if (!options.includes('ro') || seen.every((mount) => isReadOnly(mount) !== false)) return []
    return [{ ...about, declared: 'read-only', actual: 'writable', weaker: true }]
  })
}

/** Of cgroup v1: what runc mounts in a tmpfs, which itself stays writable (libcontainer/rootfs_linux.go, mountCgroupV1). */
function hierarchies(mounts: readonly DriftMount[], folder: string): DriftMount[] {
  return mounts.filter(({ type, target }) => type === 'cgroup' && target !== null && isBelow(target, folder))
}

/** What is below a mount that was bound with all below it belongs to that. */
function undeclaredMounts({ spec }: DriftEvidence, mounts: readonly DriftMount[]): Of[] {
  const declared = new Set([
    ...spec.mounts.flatMap(({ target }) => spellings(target)),
    ...spec.masked_paths,
    ...spec.readonly_paths,
  ])
  const whole = spec.mounts
    .filter(({ options }) => options.includes('rbind'))
    .flatMap(({ target }) => spellings(target))
  return mounts.flatMap(({ target, type, root, source }): Of[] => {
    if (target === null || declared.has(target) || RUNTIMES_OWN.has(target) || BOUND_DEVICES.test(target)) return []
    if (whole.some((folder) => isBelow(target, folder)) || isBelow(target, '/sys/fs/cgroup')) return []
    const actual = `${type ?? 'unknown'} ${source ?? ''} ${root ?? ''}`.replace(/\s+/g, ' ').trim()
    return [{ aspect: 'mount', name: target, declared: 'not there', actual, weaker: null }]
  })
}

/** runc puts an empty read-only tmpfs over a folder, and the container's null device over a file. */
function isMask({ root, type }: DriftMount): boolean {
  return (type === 'tmpfs' && (root === '/' || root === '/null')) || (type === 'devtmpfs' && root === '/null')
}

function maskedPaths({ spec, exists }: DriftEvidence, mounts: readonly DriftMount[]): Of[] {
  return spec.masked_paths.flatMap((path): Of[] => {
    const found = mountAt(mounts, path)
    const about = { aspect: 'masked-path' as const, name: path, declared: 'masked' }
    if (found === undefined) {
      const there = exists(path)
      return there === true ? [{ ...about, actual: 'not masked', weaker: true }] : []
    }
    const actual = `covered by ${found.type ?? 'unknown'} ${found.root ?? ''}`.trim()
    return isMask(found) ? [] : [{ ...about, actual, weaker: true }]
  })
}

function readonlyPaths({ spec, exists }: DriftEvidence, mounts: readonly DriftMount[]): Of[] {
  return spec.readonly_paths.flatMap((path): Of[] => {
    const found = mountAt(mounts, path)
    const about = { aspect: 'read-only-path' as const, name: path, declared: 'read-only' }
    if (found === undefined) {
      return exists(path) === true ? [{ ...about, actual: 'no mount of its own', weaker: true }] : []
    }
    return isReadOnly(found) === false ? [{ ...about, actual: 'writable', weaker: true }] : []
  })
}

function root({ spec }: DriftEvidence, mounts: readonly DriftMount[]): Of[] {
  const found = mounts.find(({ target, type }) => target === '/' && type !== 'rootfs')
  if (!spec.root_readonly || found === undefined || isReadOnly(found) !== false) return []
  return [{ aspect: 'read-only-root', name: '/', declared: 'read-only', actual: 'writable', weaker: true }]
}

export function mountDrift(evidence: DriftEvidence): Difference[] {
  const { mounts } = evidence
  if (mounts === null) return []
  const parts = [declaredMounts, undeclaredMounts, maskedPaths, readonlyPaths, root]
  return parts.flatMap((part) => part(evidence, mounts)).map((difference) => ({ ...difference, process: null }))
}
