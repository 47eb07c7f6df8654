/** The host's own namespaces and engines, told from what runs in containers. */

import { isInstalled, programName } from './programs.js'

export type Id = number | bigint | null

/** What is asked of a row of processes. */
export interface Placed {
  readonly pid: Id
  readonly ppid: Id
  readonly comm: string | null
  readonly exe: string | null
  readonly args: readonly string[] | null
  readonly container: string | null
  readonly mnt_ns: Id
}

export interface Placements<P> {
  where(column: 'pid', value: Id): readonly P[]
}

/** The first process, whose namespaces are the host's; undefined where it is not known. */
export function firstOfHost<P extends Placed>(processes: Placements<P>): P | undefined {
  return processes.where('pid', 1)[0]
}

/** Programs that make containers, and those that stay with one while it runs. */
const ENGINES =
  /^(?:runc|crun|youki|docker-runc|containerd|dockerd|crio|podman|conmon|conmonrs|buildkitd|containerd-shim(?:-[\w-]+)?|docker-containerd(?:-shim)?|kubelet|k3s|rke2|docker-init)$/
/** Where some distributions and engines have theirs beside where programs are installed. */
const ENGINE_FOLDERS = /^\/(?:var\/lib\/k0s|home\/kubernetes)\/bin\//
/** `runc init` is three processes, each the child of the one before. */
const STAGES = 3

/** Whether it is an engine or runtime that runs on the host itself: of no container, in the host's mounts. */
export function isEngine<P extends Placed>(processes: Placements<P>, process: P): boolean {
  const host = firstOfHost(processes)
  if (process.container !== null || host === undefined || process.mnt_ns !== host.mnt_ns) return false
  return ENGINES.test(programName(process))
}

/** Whether it is one whose word excuses others: where engines are installed. */
function isInstalledEngine<P extends Placed>(processes: Placements<P>, process: P): boolean {
  const { exe } = process
  return isEngine(processes, process) && (isInstalled(exe) || ENGINE_FOLDERS.test(exe ?? ''))
}

/** Whether a container has an engine of its own that this is: installed, in the container and the mounts of another process of it. */
export function isEngineBeside(engine: Placed, process: Placed): boolean {
  if (process.container === null || engine.container !== process.container) return false
  if (engine.mnt_ns === null || engine.mnt_ns !== process.mnt_ns) return false
  return ENGINES.test(programName(engine)) && isInstalled(engine.exe)
}

/** Whether an installed engine has started it, at once or by stages that run the same program. */
export function isStartedByEngine<P extends Placed>(processes: Placements<P>, process: P, stages = STAGES): boolean {
  const { exe, ppid, container } = process
  const parent = ppid === null ? undefined : processes.where('pid', ppid)[0]
  if (parent === undefined) return false
  if (isInstalledEngine(processes, parent)) return true
  if (parent.exe === exe && stages > 1) return isStartedByEngine(processes, parent, stages - 1)
  // An engine in a container starts another one in there.
  const within = parent.container !== null && parent.container !== container && container !== null
  return within && ENGINES.test(programName(parent)) && isInstalled(parent.exe)
}
