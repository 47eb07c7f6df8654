/** Programs that run from memory, beside the installed runtime that one may be a copy of. */

import { RUNTIME_FOLDERS, RUNTIMES } from '../containers/runtime-files.js'
import { CachedFiles } from '../kernel/files.js'
import type { Kernel } from '../kernel/kernel.js'
import { type MemoryProgram, readMemoryPrograms } from '../kernel/memory-programs.js'
import { sameBytes } from '../kernel/same-bytes.js'

/** A program as it is compared. */
export interface ComparedProgram extends MemoryProgram {
  /** Path of the runtime, as who started it sees it, of which no byte in memory is another; null where there is none. */
  copy_of: string | null
  /** Bytes that both have in memory, and that are the same. */
  compared: number | null
}

/** A file of which a program may be a copy. */
interface Original {
  path: string
  inode: bigint
}

/** Of tasks with the paths of their programs. */
export function comparedPrograms(
  kernel: Kernel,
  tasks: readonly { address: bigint; exe: string | null }[],
): ComparedProgram[] {
  const programs = readMemoryPrograms(kernel, tasks)
  const originals = new Map<bigint, Original[]>()
  for (const { parent, sealed } of programs)
    if (sealed === true && !originals.has(parent)) originals.set(parent, installedRuntimes(kernel, parent))
  return programs.map((program) => {
    let best: { copy_of: string | null; compared: number | null } = { copy_of: null, compared: null }
    for (const { path, inode } of program.sealed ? (originals.get(program.parent) ?? []) : []) {
      const compared = sameBytes(kernel.fileContents(program.inode), kernel.fileContents(inode))
      if (compared !== null && compared > (best.compared ?? 0)) best = { copy_of: path, compared }
    }
    return { ...program, ...best }
  })
}

/** Runtimes that a task sees where they are installed, by the names that the dentry cache has of them. */
function installedRuntimes(kernel: Kernel, task: bigint): Original[] {
  const files = CachedFiles.of(kernel, task)
  if (files === null) return []
  const found = new Map<bigint, Original>()
  for (const folder of RUNTIME_FOLDERS) {
    for (const { name, path } of files.list(folder)) {
      const inode = RUNTIMES.test(name) ? files.inode(path) : null
      // Folders are links to each other, and so are names.
      if (inode !== null && !found.has(inode)) found.set(inode, { path, inode })
    }
  }
  return [...found.values()]
}
