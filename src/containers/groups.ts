/** The processes of each container, by the cgroups they are in. */

import { type CgroupScope, parseCgroupPath } from './cgroup-path.js'
import type { Declared, DeclaredContainer } from './declared.js'
import { shimmedBy } from './shim-args.js'
import type { CgroupEvidence, ProcessEvidence } from './types.js'

export interface ContainerGroup {
  id: string
  scope: CgroupScope | null
  parent: string | null
  /** In its cgroup and in all below, those of containers inside it too. */
  processes: ProcessEvidence[]
  frozen: boolean | null
  /** Its parent is outside of the container, and it is the oldest such: those that came later were sent in by `exec`. */
  first: ProcessEvidence | null
}

interface Draft {
  scope: CgroupScope | null
  parent: string | null
  pids: Set<number>
  frozen: boolean | null
}

export function groupByContainer(
  cgroups: readonly CgroupEvidence[],
  processes: readonly ProcessEvidence[],
  declared: Declared,
): Map<string, ContainerGroup> {
  const shimmed = shimmedBy(processes)
  const assigned = assignedCgroups(declared)
  const byPid = new Map(processes.map((process) => [process.pid, process]))
  const drafts = new Map<string, Draft>()
  const draft = (id: string): Draft => {
    const found = drafts.get(id) ?? { scope: null, parent: null, pids: new Set(), frozen: null }
    drafts.set(id, found)
    return found
  }
  for (const cgroup of cgroups) {
    const chain = chainOf(cgroup, shimmed, assigned, byPid)
    for (const [index, { id, scope }] of chain.entries()) {
      const found = draft(id)
      // In a hybrid hierarchy one path may say less than another.
      if (!found.scope || (found.scope.runtime === null && scope?.runtime)) found.scope = scope
      found.parent ??= chain[index - 1]?.id ?? null
      for (const pid of cgroup.pids) found.pids.add(pid)
      if (index === chain.length - 1 && cgroup.frozen !== null) found.frozen = found.frozen === true || cgroup.frozen
    }
  }
  for (const process of processes) if (process.container !== null) draft(process.container).pids.add(process.pid)

  const groups = new Map<string, ContainerGroup>()
  for (const [id, { scope, parent, pids, frozen }] of drafts) {
    const members = [...pids].sort((a, b) => a - b).flatMap((pid) => byPid.get(pid) ?? [])
    groups.set(id, { id, scope, parent, processes: members, frozen, first: firstProcess(members) })
  }
  return groups
}

/** Cgroups that runtimes say they put containers into, by path: ids. */
export function assignedCgroups(declared: Declared): Map<string, string> {
  return new Map([...declared.containers.values()].flatMap(assignedPaths))
}

/**
 * Where the runtime says that it put a container (`runc run demo`, `ctr run --cgroup …`). Only a directory that bears the
 * container's name counts: a runtime may also leave it in the cgroup of whoever started it. And what a user's own
 * runtime wrote, any of the user's processes may have written: it counts for what is in the user's slice.
 */
function assignedPaths({ id, state, spec }: DeclaredContainer): [string, string][] {
  const mounted = [...(state?.value.cgroup_paths ?? [])].map(([controller, path]) =>
    path.replace(controller === '' ? /^\/sys\/fs\/cgroup(?=\/)/ : /^\/sys\/fs\/cgroup\/[^/]+(?=\/)/, ''),
  )
  const user = /^\/run\/user\/(\d+)\//.exec((state ?? spec)?.path ?? '')?.[1]
  const within = user === undefined ? '/' : `/user.slice/user-${user}.slice/`
  return [...mounted, spec?.value.cgroups_path ?? '']
    .filter((path) => path.startsWith(within) && bearsName(path.slice(path.lastIndexOf('/') + 1), id))
    .map((path) => [path, id])
}

function bearsName(component: string, id: string): boolean {
  return component === id || component.endsWith(`-${id}.scope`)
}

/** The containers around a cgroup, outermost first: by its path, or where that tells nothing by who was put there. */
function chainOf(
  { path, pids }: CgroupEvidence,
  shimmed: ReadonlySet<string>,
  assigned: ReadonlyMap<string, string>,
  byPid: ReadonlyMap<number, ProcessEvidence>,
): { id: string; scope: CgroupScope | null }[] {
  const { chain } = parseCgroupPath(path, shimmed)
  const owner = chain.length === 0 ? (ownerOf(path, assigned) ?? soleContainer(pids, byPid)) : null
  if (owner !== null) return [{ id: owner, scope: null }]
  return chain.filter(({ kind }) => kind !== 'monitor').map((scope) => ({ id: scope.id, scope }))
}

/** The container that all processes of a cgroup are known to be in. */
function soleContainer(pids: readonly number[], byPid: ReadonlyMap<number, ProcessEvidence>): string | null {
  const containers = new Set(pids.map((pid) => byPid.get(pid)?.container ?? null))
  const [only = null] = containers
  return containers.size === 1 ? only : null
}

/** Whose a cgroup is, by those that are known. */
export function ownerOf(path: string, assigned: ReadonlyMap<string, string>): string | null {
  if (assigned.size === 0) return null
  for (let at = path.slice(0, 4096); at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const id = assigned.get(at)
    if (id !== undefined) return id
  }
  return null
}

function firstProcess(members: readonly ProcessEvidence[]): ProcessEvidence | null {
  const pids = new Set(members.map((process) => process.pid))
  const entered = members.filter((process) => process.ppid === null || !pids.has(process.ppid))
  return entered.sort(byAge)[0] ?? null
}

function byAge(a: ProcessEvidence, b: ProcessEvidence): number {
  if (a.started !== null && b.started !== null && a.started !== b.started) return a.started < b.started ? -1 : 1
  return a.pid - b.pid
}
