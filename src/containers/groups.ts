/** The processes of each container, by the cgroups they are in. */

import { type CgroupScope, parseCgroupPath } from './cgroup-path.js'
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
): Map<string, ContainerGroup> {
  const drafts = new Map<string, Draft>()
  const draft = (id: string): Draft => {
    const found = drafts.get(id) ?? { scope: null, parent: null, pids: new Set(), frozen: null }
    drafts.set(id, found)
    return found
  }
  for (const cgroup of cgroups) {
    const chain = parseCgroupPath(cgroup.path).chain.filter((scope) => scope.kind !== 'monitor')
    for (const [index, scope] of chain.entries()) {
      const found = draft(scope.id)
      // In a hybrid hierarchy one path may say less than another.
      if (found.scope === null || (found.scope.runtime === null && scope.runtime !== null)) found.scope = scope
      found.parent ??= chain[index - 1]?.id ?? null
      for (const pid of cgroup.pids) found.pids.add(pid)
      if (index === chain.length - 1 && cgroup.frozen !== null) found.frozen = found.frozen === true || cgroup.frozen
    }
  }
  for (const process of processes) if (process.container !== null) draft(process.container).pids.add(process.pid)

  const byPid = new Map(processes.map((process) => [process.pid, process]))
  const groups = new Map<string, ContainerGroup>()
  for (const [id, { scope, parent, pids, frozen }] of drafts) {
    const members = [...pids].sort((a, b) => a - b).flatMap((pid) => byPid.get(pid) ?? [])
    groups.set(id, { id, scope, parent, processes: members, frozen, first: firstProcess(members) })
  }
  return groups
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
