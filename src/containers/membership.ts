/** In which container a task runs, told by its cgroups. */

import { type Cgroup, countHierarchies, readCgroups, readMemberships } from '../kernel/cgroups.js'
import type { Kernel } from '../kernel/kernel.js'
import type { Task } from '../kernel/tasks.js'
import { parseCgroupPath } from './cgroup-path.js'

/** Id of the innermost container of a cgroup path; null on the host itself. */
export function containerOf(path: string | null): string | null {
  return path === null ? null : (parseCgroupPath(path).container?.id ?? null)
}

/** Adds to each task its container, and where there are v1 hierarchies the path that names it. */
export function placeTasks<T extends Task>(kernel: Kernel, tasks: T[]): (T & { container: string | null })[] {
  const paths = countHierarchies(kernel) > 1 ? legacyPaths(kernel, tasks) : null
  const containers = new Map<string, string | null>()
  return tasks.map((task) => {
    const cgroup = paths?.get(task.css_set ?? 0n) ?? task.cgroup
    if (cgroup !== null && !containers.has(cgroup)) containers.set(cgroup, containerOf(cgroup))
    return Object.assign(task, { cgroup, container: cgroup === null ? null : (containers.get(cgroup) ?? null) })
  })
}

/**
 * With v1 hierarchies a task has one path in each. The most telling one is shown: one that names a container, else that
 * of the hierarchy systemd keeps its units in, else the longest.
 */
function legacyPaths(kernel: Kernel, tasks: Task[]): Map<bigint, string> {
  const byAddress = new Map(readCgroups(kernel).map((cgroup) => [cgroup.address, cgroup]))
  const sets = tasks.map(({ css_set }) => css_set).filter((set): set is bigint => set !== null && set !== 0n)
  const paths = new Map<bigint, Cgroup>()
  for (const { css_set, cgroup } of readMemberships(kernel, sets)) {
    const candidate = byAddress.get(cgroup)
    if (!candidate?.path) continue
    const best = paths.get(css_set)
    if (!best || telling(candidate) > telling(best)) paths.set(css_set, candidate)
  }
  return new Map([...paths].map(([set, { path }]) => [set, path ?? '/']))
}

function telling({ path, hierarchy }: Cgroup): number {
  const names = containerOf(path) === null ? 0 : 2
  const systemd = hierarchy === 'unified' || hierarchy.includes('name=systemd') ? 1 : 0
  return (names + systemd) * 1e6 + (path?.length ?? 0)
}
