/** A container's declared mounts, without the kernel file systems that every container gets. */

import type { Claim } from './claims.js'
import type { OciMount } from './oci-config.js'
import type { Subject } from './pods.js'
import type { ContainerMount, MountEvidence } from './types.js'

const kernelTypes = new Set(['proc', 'sysfs', 'cgroup', 'cgroup2', 'devpts', 'mqueue'])

export function mountClaims(subject: Subject): Claim<ContainerMount[]>[] {
  const { declared, spec, spec_source, init, mounts } = subject
  return [
    { value: declared?.docker ? dockerMounts(subject) : null, source: 'config.v2.json' },
    { value: spec?.mounts.filter(isOfInterest).map(fromOci), source: spec_source },
    { value: init !== null && mounts.length > 0 ? bindMounts(mounts) : null, source: 'mounts of the first process' },
  ]
}

function isOfInterest(mount: OciMount): boolean {
  if (mount.type !== null && kernelTypes.has(mount.type)) return false
  return !(mount.type === 'tmpfs' && (mount.target === '/dev' || mount.target === '/dev/shm'))
}

function fromOci(mount: OciMount): ContainerMount {
  const bound = mount.options.includes('bind') || mount.options.includes('rbind')
  const type = mount.type === null || mount.type === 'none' ? (bound ? 'bind' : 'none') : mount.type
  return { source: mount.source, target: mount.target, type, options: mount.options }
}

function dockerMounts({ declared, spec }: Subject): ContainerMount[] {
  const docker = declared?.docker?.value
  if (docker === undefined) return []
  const mounts: ContainerMount[] = docker.mounts.map((mount) => ({
    source: mount.source,
    target: mount.target,
    type: mount.type ?? (mount.name === null ? 'bind' : 'volume'),
    options: [mount.writable === false ? 'ro' : 'rw', ...(mount.propagation === null ? [] : [mount.propagation])],
  }))
  for (const file of docker.files) mounts.push({ ...file, type: 'bind', options: [] })
  // `--tmpfs` and what an OCI hook or a device plugin added are declared to runc only.
  const known = new Set(mounts.map((mount) => mount.target))
  for (const mount of spec?.mounts ?? [])
    if (isOfInterest(mount) && !known.has(mount.target)) mounts.push(fromOci(mount))
  return mounts.sort((a, b) => (a.target < b.target ? -1 : a.target > b.target ? 1 : 0))
}

/**
 * Without a declaration: a mount whose root is below its file system's own is a bind of something outside, and so is
 * a whole disk. The runtime itself masks files below /proc and /sys and binds devices below /dev.
 */
function bindMounts(mounts: readonly MountEvidence[]): ContainerMount[] {
  return mounts
    .filter((mount) => mount.mountpoint !== '/' && !/^\/(?:proc|sys|dev)(?:\/|$)/.test(mount.mountpoint))
    .filter((mount) => !kernelTypes.has(mount.fstype))
    .filter((mount) => mount.root !== '/' || mount.source?.startsWith('/dev/') === true)
    .map((mount) => ({ source: mount.root, target: mount.mountpoint, type: 'bind', options: [] }))
}
