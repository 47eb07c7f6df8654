/** Copies of themselves that runtimes run from, told by their bytes: a memfd may have any name. */

import { firstOfHost, type Id, isRuntimeStep, type Placed, type Placements } from './host.js'

interface Program {
  readonly size: Id
  readonly sealed: boolean | null
  readonly copy_of: string | null
  readonly compared: Id
}

interface Programs {
  where(column: 'pid', value: Id): readonly Program[]
}

/**
 * Whether a process runs the copy that an installed runtime made of itself: nobody can change it, and it is as long as that
 * runtime. It is the `whole` where each byte is the same: of a runtime of the host, or of one that an engine has started. It is
 * a `part` where pages of the runtime have left memory, those that are there are the same, and an engine has started it.
 * Null is anything else.
 */
export function runtimeCopy<P extends Placed>(
  processes: Placements<P>,
  programs: Programs,
  process: P,
): 'whole' | 'part' | null {
  const program = process.pid === null ? undefined : programs.where('pid', process.pid)[0]
  if (program?.sealed !== true || program.copy_of === null) return null
  const { size, compared } = program
  const isWhole = size !== null && compared !== null && BigInt(compared) === BigInt(size)
  // Whoever started it sees that runtime: in a container that is a file which anybody may have put there.
  const parent = processes.where('pid', process.ppid)[0]
  const ofHost = parent?.container === null && parent.mnt_ns === firstOfHost(processes)?.mnt_ns
  if (!(isWhole && ofHost) && !isRuntimeStep(processes, process)) return null
  return isWhole ? 'whole' : 'part'
}
