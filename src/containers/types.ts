/** What the containers table is built from, and what it is made of. */

import type { CachedFiles } from './cached-files.js'
import type { Runtime } from './cgroup-path.js'
import type { Daemon } from './dockerd-memory.js'

export interface CgroupEvidence {
  path: string
  hierarchy: string
  /** Of the processes directly in it. */
  pids: readonly number[]
  frozen: boolean | null
}

export interface NamespaceInodes {
  mnt: number | null
  pid: number | null
  net: number | null
  uts: number | null
  ipc: number | null
  user: number | null
  cgroup: number | null
}

export interface ProcessEvidence {
  pid: number
  ppid: number | null
  comm: string | null
  args: readonly string[]
  exe: string | null
  /** ISO 8601. */
  started: string | null
  /** As /proc/PID/stat has it, or one off. */
  start_ticks: number | null
  /** The id its cgroup path names, innermost; where that names none, that of the container its namespaces show. */
  container: string | null
  namespaces: NamespaceInodes
  hostname: string | null
  seccomp: number | null
  cap_bset: bigint | null
  cap_eff: bigint | null
}

export interface MountEvidence {
  root: string
  mountpoint: string
  fstype: string
  source: string | null
}

export interface InterfaceEvidence {
  interface: string
  /** With its prefix length, as in 172.17.0.2/16. */
  address: string
}

/** An engine in a container (kind, minikube, Docker in Docker). */
export interface InnerEngine {
  /** Id of the container. */
  container: string
  files: CachedFiles
  processes: readonly ProcessEvidence[]
}

export interface Evidence {
  cgroups: readonly CgroupEvidence[]
  processes: readonly ProcessEvidence[]
  /** By pid; only those of containers' first processes are looked at. */
  mounts: ReadonlyMap<number, readonly MountEvidence[]>
  /** By the network namespace's inode. */
  networks: ReadonlyMap<number, readonly InterfaceEvidence[]>
  /** The same of IPv6, which is asked for where a container was given such an address. */
  networks6: () => ReadonlyMap<number, readonly InterfaceEvidence[]>
  files: CachedFiles
  /** Containers in which an engine runs, with the files and processes that it sees. */
  inner?: readonly InnerEngine[]
  /** Engines and kubelets, of which the memory is asked for what files no longer tell. */
  daemons?: readonly Daemon[]
}

export interface ContainerMount {
  source: string | null
  target: string
  type: string
  options: string[]
}

export interface ContainerNetwork {
  /** Docker's name of the network; "host" where the container has the host's. */
  name: string | null
  interface: string | null
  address: string | null
}

export interface ContainerEvidence {
  source: string
  path: string
  address: string
}

export type ContainerState = 'running' | 'paused' | 'created' | 'exited'

export interface ContainerRow {
  id: string
  kind: 'container' | 'sandbox' | 'build'
  /** The container around this one. */
  parent: string | null
  runtime: Runtime | null
  name: string | null
  image: string | null
  state: ContainerState | null
  init_pid: number | null
  processes: number
  started: string | null
  pod_uid: string | null
  pod_name: string | null
  pod_namespace: string | null
  hostname: string | null
  privileged: boolean | null
  capabilities: string[] | null
  seccomp: 'disabled' | 'strict' | 'filter' | null
  mounts: ContainerMount[] | null
  networks: ContainerNetwork[] | null
  /** Column → where its value came from. */
  sources: Record<string, string>
  /** The cached files that were read for this row. */
  evidence: ContainerEvidence[]
}
