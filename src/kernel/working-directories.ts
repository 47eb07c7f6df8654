/** `fs_struct`: which directory a task is in (include/linux/fs_struct.h). */

import type { Kernel } from './kernel.js'
import { TASK_STRUCT } from './objects.js'
import { dPath } from './query.js'

/** Where a task is. */
export interface WorkingDirectory {
  /** As /proc/PID/cwd shows it to the task itself: from its own root. */
  path: string | null
  /** Id of the mount that the directory was reached by. */
  mount_id: number | null
}

const MEMBERS = {
  path: dPath('fs->pwd', 'fs->root'),
  mount_id: 'container_of(fs->pwd.mnt, struct mount, mnt)->mnt_id',
} as const

/** The working directories of some tasks, by their addresses; one that has just ended has none. */
export function readWorkingDirectories(kernel: Kernel, tasks: readonly bigint[]): Map<bigint, WorkingDirectory> {
  const batch = kernel.at(tasks, TASK_STRUCT).select(MEMBERS)
  const [path, mount] = [batch.column('path'), batch.column('mount_id')]
  return new Map(
    Array.from({ length: batch.length }, (_, row) => [
      batch.address(row),
      { path: path.text(row), mount_id: mount.number(row) },
    ]),
  )
}
