/** What a container could do, whether or not it did. */

export interface ExposedMount {
  readonly source: string | null
  readonly target: string
  readonly read_only: boolean
}

/** What is known of a container that has processes. */
export interface ExposedContainer {
  /** Of its first process; null where they cannot be read. */
  readonly capabilities: ReadonlySet<string> | null
  readonly seccomp: string | null
  /** AppArmor's; null where it is not in use. */
  readonly label: string | null
  /** Namespaces that are the host's. */
  readonly host: ReadonlySet<string>
  /** Whether root in it is root on the host. */
  readonly root: boolean | null
  readonly privileged: boolean | null
  /** What is bound into it from the host, without what engines put into every container. */
  readonly mounts: readonly ExposedMount[]
  /** Where a service account's token is mounted. */
  readonly token: string | null
  /** Containers of other pods, or of none, that share its process namespace. */
  readonly shares_processes: readonly string[]
  /** Whether a cgroup v1 hierarchy is in use on the host. */
  readonly cgroup_v1: boolean
}

/** What it leads to. */
export type Leads =
  | 'root on the node'
  | 'files of the node'
  | 'processes of the node'
  | 'network of the node'
  | 'the kernel'
  | 'other containers'
  | 'the API'

/** A way out, as a graph of attacks has it for an edge. */
export interface Exposure {
  readonly name: string
  readonly title: string
  readonly leads_to: Leads
  /** ATT&CK technique. */
  readonly attack: string
  /** What of the container makes it possible; null where it is not. */
  readonly because: (container: ExposedContainer) => string | null
}
