/** What was declared of a container against what the kernel holds. */

import type { DeviceAccess } from '../../kernel/device-access.js'
import type { SeccompTrial, Verdict } from '../../kernel/seccomp.js'
import type { OciConfig } from '../oci-config.js'

/** What a difference is in. */
export type Aspect =
  | 'declaration'
  | 'capabilities'
  | 'seccomp'
  | 'no-new-privileges'
  | 'lsm'
  | 'namespace'
  | 'user'
  | 'command'
  | 'mount'
  | 'masked-path'
  | 'read-only-path'
  | 'read-only-root'
  | 'devices'
  | 'limit'
  | 'executable'
  | 'file'

export interface Difference {
  readonly aspect: Aspect
  /** Of what: a namespace, a path, a limit. */
  readonly name: string | null
  readonly declared: string | null
  readonly actual: string | null
  /** Whether the container may do more than was declared; null where that cannot be told. */
  readonly weaker: boolean | null
  /** The process that it was seen in. */
  readonly process: Pick<DriftProcess, 'pid' | 'comm'> | null
}

type Namespace = 'mnt' | 'pid' | 'net' | 'uts' | 'ipc' | 'user' | 'cgroup' | 'time'
export type Namespaces = Readonly<Record<Namespace, number | null>>

export interface DriftProcess {
  readonly pid: number | null
  readonly comm: string | null
  readonly args: readonly string[] | null
  /** As its own root shows it. */
  readonly exe: string | null
  readonly namespaces: Namespaces
  /** In the initial user namespace. */
  readonly uid: number | null
  readonly uid_map: readonly string[] | null
  readonly cap_permitted: readonly string[] | null
  readonly cap_bounding: readonly string[] | null
  readonly seccomp: string | null
  readonly no_new_privs: boolean | null
  readonly label: string | null
}

export interface DriftMount {
  readonly target: string | null
  readonly root: string | null
  readonly type: string | null
  readonly source: string | null
  readonly options: string | null
}

/** A file on the container's overlay. */
export interface DriftFile {
  readonly path: string | null
  readonly layer: string | null
  readonly type: string | null
  readonly mode: string | null
  readonly size: number | bigint | null
  readonly deleted: boolean | null
}

export interface DriftDevices {
  /** Null where it is not told, for a reason. */
  readonly access: DeviceAccess | null
  readonly reason: string | null
}

/** A filter of system calls, with those before it. */
export interface DriftFilter {
  readonly pids: ReadonlySet<number>
  /** Addresses, its own first. */
  readonly chain: readonly string[]
  /** By the names of calls; null where it is not told, for a reason. */
  readonly verdicts: ReadonlyMap<string, Verdict> | null
  readonly reason: string | null
  /** Calls that the kernel lets through though the filter does not. */
  readonly bypassed: readonly string[]
  /** Whether the kernel runs something else than what was handed to it. */
  readonly changed: boolean
  /** Tries calls with arguments out; null where its instructions are not all there. */
  readonly trial: SeccompTrial | null
}

export interface DriftEvidence {
  readonly spec: OciConfig
  readonly init: DriftProcess | null
  /** All of the container's, the first one included. */
  readonly processes: readonly DriftProcess[]
  /** Of pid 1 of the host. */
  readonly host: Namespaces | null
  /** Of any process of the host. */
  readonly others: (pid: number) => Namespaces | undefined
  /** Of the namespace of its first process; null where they cannot be read. */
  readonly mounts: readonly DriftMount[] | null
  readonly files: readonly DriftFile[]
  readonly limits: { readonly memory_limit: number | bigint | null; readonly pids_limit: number | bigint | null } | null
  /** What its cgroup may do with devices: null where nobody knows whether anything decides, none where nothing does. */
  readonly devices: DriftDevices | 'none' | null
  /** Filters of system calls that its processes have. */
  readonly filters: readonly DriftFilter[]
  /** Whether a path below /proc or /sys is there on this host; null where that is not known. */
  readonly exists: (path: string) => boolean | null
}
