/** The files of the host, as its first process sees them. */

import type { CachedFiles as Files } from '../containers/cached-files.js'
import { CachedFiles } from '../kernel/files.js'
import type { Kernel } from '../kernel/kernel.js'
import { isLeader } from '../kernel/tasks.js'
import { listedTasks } from './task.js'

/** None where the host's mounts cannot be read. */
export const NO_FILES: Files = {
  list: () => [],
  read: () => ({ text: null, reason: 'mounts unreadable' }),
  readlink: () => null,
}

/** Whoever asks gets files of their own, which warn who asked; a warning says where there are none. */
export function hostFiles(kernel: Kernel): Files {
  const init = listedTasks(kernel).find((task) => task.pid === 1 && isLeader(task))
  const files = init && CachedFiles.of(kernel, init.address)
  if (files) return files
  kernel.warn({ code: 'unreadable', message: "the host's mounts cannot be read: no file of its was looked for" })
  return NO_FILES
}
