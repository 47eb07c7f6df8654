/** Gathers from the kernel what is asked of Kubernetes' own parts. */

import { buildKubernetes, type KubernetesRow } from '../containers/kubernetes.js'
import type { Kernel } from '../kernel/kernel.js'
import { isLeader } from '../kernel/tasks.js'
import { imageTime } from '../kernel/time.js'
import { ProcessMemory } from '../kernel/user-memory.js'
import { containerEvidence } from './containers.js'
import { hostFiles } from './host-files.js'
import { containerNames, type Owner, ownerOf } from './members.js'
import { listedTasks } from './task.js'

/** None where nothing of Kubernetes was found. */
export function kubernetesRows(kernel: Kernel): (KubernetesRow & Owner)[] {
  const { rows, evidence } = containerEvidence(kernel)
  const names = containerNames(kernel)
  const found = buildKubernetes({
    processes: evidence.processes,
    containers: rows,
    files: hostFiles(kernel),
    now: imageTime(kernel),
    heap: (pid) => {
      const task = listedTasks(kernel).find((each) => each.pid === pid && isLeader(each))
      return task === undefined ? null : ProcessMemory.heapOf(kernel, task.address)
    },
  })
  return found.map((row) => ({ ...row, ...ownerOf(row.container, names) }))
}
