/** Gathers from the kernel what was declared of containers. */

import { buildSettings, type SettingsRow } from '../containers/settings.js'
import type { Kernel } from '../kernel/kernel.js'
import { isLeader } from '../kernel/tasks.js'
import type { Warning } from '../warning.js'
import { containerEvidence } from './containers.js'
import { listedPlacedTasks } from './task.js'

/** A row of the table of mounts. */
interface Mounted {
  readonly mnt_ns: number | bigint | null
  readonly target: string | null
  /** Of an overlay, the upper one first. */
  readonly layers: readonly string[] | null
}

/** One row per container; what disagrees or was not looked at goes to `warn`. */
export function settingsRows(
  kernel: Kernel,
  mounts: Iterable<Mounted>,
  warn: (warning: Warning) => void,
): SettingsRow[] {
  const { evidence, ...built } = containerEvidence(kernel)
  const roots = new Map<number, readonly string[]>()
  for (const { mnt_ns, target, layers } of mounts)
    if (target === '/' && layers !== null && layers.length > 0) roots.set(Number(mnt_ns), layers)
  const namespaces = new Map(
    listedPlacedTasks(kernel)
      .filter(isLeader)
      .map(({ pid, mnt_ns }) => [pid, mnt_ns]),
  )
  const layersOf = (pid: number) => roots.get(namespaces.get(pid) ?? -1) ?? null
  const { rows, warnings } = buildSettings(built, evidence.daemons ?? [], layersOf)
  for (const warning of warnings) warn(warning)
  return rows
}
