/** In which container a task runs, told by its cgroups. */

import { type Cgroup, countHierarchies, type Membership, readCgroups, readMemberships } from '../kernel/cgroups.js'
import type { Kernel } from '../kernel/kernel.js'
import type { Task } from '../kernel/tasks.js'
import { parseCgroupPath } from './cgroup-path.js'
import { ownerOf } from './groups.js'
import { isolatedCgroups, type PathsOf } from './isolated.js'
import { shimmedBy } from './shim-args.js'

/** Tells the innermost container of a cgroup path; null on the host itself. */
export type ContainerFinder = (path: string | null) => string | null

/**
 * Finds containers by their cgroup paths. Engines' own forms are known; a path of bare containerd, `/NAMESPACE/NAME`,
 * could be anything, and is believed where a shim says that it looks after that container. What no engine named is a
 * container where its processes' namespaces say so.
 */
export function containerFinder(
  kernel: Kernel,
  tasks: readonly Task[],
  known = legacyMemberships(kernel, tasks),
): ContainerFinder {
  const byPath = pathReader(shimmedBy(tasks))
  const isolated = isolatedCgroups(kernel, tasks, byPath, pathsIn(kernel, known))
  if (isolated.size === 0) return byPath
  return (path) => byPath(path) ?? (path === null ? null : ownerOf(path, isolated))
}

/** With v1's hierarchies a task's own path is that in v2's, where it may be in none but the root. */
function pathsIn(kernel: Kernel, known: readonly Membership[] | null): PathsOf {
  const own = ({ cgroup }: { cgroup: string | null }) => (cgroup === null ? [] : [cgroup])
  if (known === null) return own
  const paths = new Map(readCgroups(kernel).map(({ address, path }) => [address, path]))
  const sets = new Map<bigint, Set<string>>()
  for (const { css_set, cgroup } of known) {
    const path = paths.get(cgroup)
    if (path == null) continue
    const found = sets.get(css_set) ?? new Set()
    sets.set(css_set, found.add(path))
  }
  const all = new Map([...sets].map(([set, found]) => [set, [...found]]))
  return (task) => all.get(task.css_set ?? 0n) ?? own(task)
}

function pathReader(shimmed: ReadonlySet<string>): ContainerFinder {
  const found = new Map<string, string | null>()
  return (path) => {
    if (path === null) return null
    const known = found.get(path)
    if (known !== undefined) return known
    const container = parseCgroupPath(path, shimmed).container?.id ?? null
    found.set(path, container)
    return container
  }
}

/**
 * Adds to each task its container, and where there are v1 hierarchies the path that names it. Those that are `gone` have
 * left their cgroups, or what is left of them leads to memory that is in use for something else.
 */
export function placeTasks<T extends Task>(
  kernel: Kernel,
  alive: readonly T[],
  gone: readonly T[] = [],
): (T & { container: string | null })[] {
  const tasks = [...alive, ...gone]
  const known = legacyMemberships(kernel, alive, gone)
  const containerOf = containerFinder(kernel, tasks, known)
  const paths = known === null ? null : legacyPaths(kernel, known, containerOf)
  return tasks.map((task) => {
    const cgroup = paths?.get(task.css_set ?? 0n) ?? task.cgroup
    return Object.assign({}, task, { cgroup, container: containerOf(cgroup) })
  })
}

/** The processes directly in each cgroup, of every hierarchy, by the cgroup's address. */
export function cgroupMembers(kernel: Kernel, processes: readonly Task[]): Map<bigint, Task[]> {
  const bySet = new Map<bigint, Task[]>()
  for (const process of processes) {
    if (process.css_set === null || process.css_set === 0n) continue
    const together = bySet.get(process.css_set)
    if (together) together.push(process)
    else bySet.set(process.css_set, [process])
  }
  const members = new Map<bigint, Task[]>()
  for (const { css_set, cgroup } of readMemberships(kernel, bySet.keys())) {
    // Into one array: a copy for each set would be quadratic, and an image may put every set into one cgroup.
    const inside = members.get(cgroup) ?? []
    for (const process of bySet.get(css_set) ?? []) inside.push(process)
    members.set(cgroup, inside)
  }
  return members
}

/** In which cgroups the tasks are of all hierarchies; null where there is but one, which each task names itself. */
function legacyMemberships(kernel: Kernel, alive: readonly Task[], gone: readonly Task[] = []): Membership[] | null {
  if (countHierarchies(kernel) < 2) return null
  return [...memberships(kernel, alive), ...memberships(kernel.leftovers(), gone)]
}

function memberships(kernel: Kernel, tasks: readonly Task[]): Membership[] {
  const sets = tasks.map(({ css_set }) => css_set).filter((set): set is bigint => set !== null && set !== 0n)
  return readMemberships(kernel, sets)
}

/**
 * With v1 hierarchies a task has one path in each. The most telling one is shown: one that names a container, else that
 * of the hierarchy systemd keeps its units in, else the longest.
 */
function legacyPaths(
  kernel: Kernel,
  memberships: readonly Membership[],
  containerOf: ContainerFinder,
): Map<bigint, string> {
  const byAddress = new Map(readCgroups(kernel).map((cgroup) => [cgroup.address, cgroup]))
  const paths = new Map<bigint, Cgroup>()
  for (const { css_set, cgroup } of memberships) {
    const candidate = byAddress.get(cgroup)
    if (!candidate?.path) continue
    const best = paths.get(css_set)
    if (!best || telling(candidate, containerOf) > telling(best, containerOf)) paths.set(css_set, candidate)
  }
  return new Map([...paths].map(([set, { path }]) => [set, path ?? '/']))
}

function telling({ path, hierarchy }: Cgroup, containerOf: ContainerFinder): number {
  const names = containerOf(path) === null ? 0 : 2
  const systemd = hierarchy === 'unified' || hierarchy.includes('name=systemd') ? 1 : 0
  return (names + systemd) * 1e6 + (path?.length ?? 0)
}
