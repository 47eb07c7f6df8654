/** Programs that run from memory, and runtimes, beside the installed runtime that one is, or may be a copy of. */

import { RUNTIME_FOLDERS, RUNTIMES } from '../containers/runtime-files.js'
import { CachedFiles } from '../kernel/files.js'
import type { Kernel } from '../kernel/kernel.js'
import { IN_MEMORY, type RunningProgram, readPrograms } from '../kernel/running-programs.js'
import { sameBytes } from '../kernel/same-bytes.js'

/** A program as it is compared. */
export interface ComparedProgram extends RunningProgram {
  /** Path of the runtime, as who started it sees it, of which no byte in memory is another; null where there is none. */
  copy_of: string | null
  /** Whether it is that file itself, and no copy. */
  same_file: boolean
  /** Bytes that both have in memory, and that are the same. */
  compared: number | null
}

type Comparison = Pick<ComparedProgram, 'copy_of' | 'same_file' | 'compared'>

/** A file of which a program may be a copy. */
interface Original {
  path: string
  inode: bigint
}

const NOTHING: Comparison = { copy_of: null, same_file: false, compared: null }

/** Of tasks with the paths of their programs. */
export function comparedPrograms(
  kernel: Kernel,
  tasks: readonly { address: bigint; exe: string | null }[],
): ComparedProgram[] {
  const asked = tasks.filter(({ exe }) => IN_MEMORY.test(exe ?? '') || RUNTIMES.test(lastPart(exe ?? '')))
  const programs = readPrograms(
    kernel,
    asked.map(({ address }) => address),
  )
  const fromMemory = new Set(asked.filter(({ exe }) => IN_MEMORY.test(exe ?? '')).map(({ address }) => address))
  const originals = new Map<bigint, Original[]>()
  return programs.map((program) => {
    const isCopy = fromMemory.has(program.task)
    if (isCopy && program.sealed !== true) return { ...program, ...NOTHING }
    const seen = originals.get(program.parent) ?? installedRuntimes(kernel, program.parent)
    originals.set(program.parent, seen)
    return { ...program, ...(isCopy ? copied(kernel, program, seen) : original(program, seen)) }
  })
}

function original({ inode, size }: RunningProgram, seen: readonly Original[]): Comparison {
  const same = seen.find((runtime) => runtime.inode === inode)
  return same === undefined ? NOTHING : { copy_of: same.path, same_file: true, compared: Number(size) }
}

/** The runtime of which the most is the same. */
function copied(kernel: Kernel, program: RunningProgram, seen: readonly Original[]): Comparison {
  let best = NOTHING
  for (const { path, inode } of seen) {
    const compared = sameBytes(kernel.fileContents(program.inode), kernel.fileContents(inode))
    if (compared !== null && compared > (best.compared ?? 0)) best = { copy_of: path, same_file: false, compared }
  }
  return best
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
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
