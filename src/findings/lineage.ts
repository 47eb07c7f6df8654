/** How processes came to be: ancestors, and what was brought into a container from outside. */

export interface Kin {
  readonly pid: number | bigint | null
  readonly ppid: number | bigint | null
  readonly container: string | null
}

interface ByPid<P extends Kin> {
  where(column: 'pid', value: number | bigint | null): readonly P[]
}

/** Containers by their ids, with their first processes. */
interface FirstProcesses {
  container(id: string | null): { readonly init_pid: number | bigint | null } | undefined
}

/** More ancestors than any honest process has. */
const MOST = 256

/** The ancestors of a process, its parent first; ends where one is unknown or comes again. */
export function ancestorsOf<P extends Kin>(processes: ByPid<P>, process: Kin): P[] {
  const found: P[] = []
  const seen = new Set([process.pid])
  for (let pid = process.ppid; pid !== null && !seen.has(pid) && found.length < MOST; ) {
    seen.add(pid)
    const parent = processes.where('pid', pid)[0]
    if (parent === undefined) break
    found.push(parent)
    pid = parent.ppid
  }
  return found
}

/**
 * The process through which this one came into its container from outside: an exec, or what nsenter started. Null where
 * it is the container's first process or below it, or where nobody can say.
 */
export function entryOf<P extends Kin>(processes: ByPid<P>, process: P, known: FirstProcesses): P | null {
  const first = known.container(process.container)?.init_pid ?? null
  if (process.container === null || first === null) return null
  let top = process
  for (const ancestor of ancestorsOf(processes, process)) {
    if (top.pid === first) return null
    if (ancestor.container !== process.container) return top
    top = ancestor
  }
  return null
}

interface InNamespace extends Kin {
  readonly pid_ns: number | bigint | null
}

/**
 * Whether a child of the container's engine may be an orphan of the container instead: one that shares the host's
 * processes has no first process to take them, so that the engine gets them.
 */
export function mayBeOrphan<P extends InNamespace>(processes: ByPid<P>, process: P): boolean {
  return process.pid_ns === null || process.pid_ns === processes.where('pid', 1)[0]?.pid_ns
}
