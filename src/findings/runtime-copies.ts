/** Steps of runtimes that start containers, told by what they run: whatever has a name may have any. */

import { firstOfHost, type Id, isStartedByEngine, type Placed, type Placements } from './host.js'

interface Program {
  readonly size: Id
  readonly sealed: boolean | null
  readonly copy_of: string | null
  readonly same_file: boolean | null
  readonly compared: Id
}

interface Programs {
  where(column: 'pid', value: Id): readonly Program[]
}

/**
 * Whether a process runs an installed runtime, or the copy that one made of itself: nobody can change it, and it is as long
 * as that runtime. It is the `whole` where each byte is the same: of a runtime of the host, or of one that an engine has
 * started. It is a `part` where pages of the runtime have left memory, those that are there are the same, and an engine has
 * started it. Null is anything else.
 */
export function runtimeCopy<P extends Placed>(
  processes: Placements<P>,
  programs: Programs,
  process: P,
): 'whole' | 'part' | null {
  const program = process.pid === null ? undefined : programs.where('pid', process.pid)[0]
  if (program === undefined || program.copy_of === null) return null
  const { size, sealed, same_file, compared } = program
  if (sealed !== true && same_file !== true) return null
  const isWhole = same_file === true || (size !== null && compared !== null && BigInt(compared) === BigInt(size))
  // Whoever started it sees that runtime: in a container that is a file which anybody may have put there.
  const parent = processes.where('pid', process.ppid)[0]
  const ofHost = parent?.container === null && parent.mnt_ns === firstOfHost(processes)?.mnt_ns
  if (!(isWhole && ofHost) && !isStartedByEngine(processes, process)) return null
  return isWhole ? 'whole' : 'part'
}

/**
 * Whether it is a step of a runtime that starts a container or an exec: `runc init` is in the container's cgroup before it
 * has its namespaces, with all rights.
 */
export function isRuntimeStep<P extends Placed>(processes: Placements<P>, programs: Programs, process: P): boolean {
  return runtimeCopy(processes, programs, process) !== null
}
