/** Gathers from the kernel what container reasoning needs, and hands it over. */

import { append } from '../append.js'
import { type BuiltContainers, buildContainers, type Declaration } from '../containers/containers.js'
import { isEngineDaemon } from '../containers/data-roots.js'
import { cgroupMembers } from '../containers/membership.js'
import { POD, podName } from '../containers/pod-name.js'
import type {
  CgroupEvidence,
  ContainerRow,
  Evidence,
  InnerEngine,
  MountEvidence,
  ProcessEvidence,
} from '../containers/types.js'
import { readCgroups } from '../kernel/cgroups.js'
import { CachedFiles } from '../kernel/files.js'
import type { Kernel } from '../kernel/kernel.js'
import { readMounts } from '../kernel/mounts.js'
import { type Interface, readInterfaces, readIpv6Interfaces } from '../kernel/networks.js'
import { isLeader } from '../kernel/tasks.js'
import { startTicks } from '../kernel/time.js'
import { ProcessMemory } from '../kernel/user-memory.js'
import type { Warning } from '../warning.js'
import { NO_FILES } from './host-files.js'
import { listedPlacedTasks, type PlacedTask } from './task.js'

/** Containers and sandboxes with where each value came from; what disagrees or is missing goes to `warn`. Made once per image. */
export function containerRows(kernel: Kernel, warn: (warning: Warning) => void): readonly Readonly<ContainerRow>[] {
  const { rows, warnings } = kernel.once(readContainers)
  for (const warning of warnings) warn(warning)
  return rows
}

/**
 * The container that is meant by its name or id, or by the beginning of either; after `pod:` those of a pod, by its name with
 * its namespace or without, or by the beginning of either.
 */
export function findContainers(kernel: Kernel, wanted: string): readonly Readonly<ContainerRow>[] {
  const rows = containerRows(kernel, () => {})
  if (wanted.startsWith(POD)) {
    const pod = wanted.slice(POD.length)
    const fitting = (fits: (name: string) => boolean) =>
      rows.filter((row) =>
        [row.pod_name, podName(row.pod_namespace, row.pod_name)].some((name) => name !== null && fits(name)),
      )
    const whole = fitting((name) => name === pod)
    return whole.length > 0 ? whole : fitting((name) => name.startsWith(pod))
  }
  const found =
    rows.find(({ id, name }) => name === wanted || id === wanted) ??
    rows.find(({ id, name }) => id.startsWith(wanted) || name?.startsWith(wanted) === true)
  return found === undefined ? [] : [found]
}

/** What engines declared of containers, by id. */
export function containerDeclarations(kernel: Kernel): ReadonlyMap<string, Declaration> {
  return kernel.once(readContainers).declarations
}

/** What the containers were made from, for tables that say more of them; its warnings are those of the containers. */
export function containerEvidence(kernel: Kernel): Pick<Reading, 'rows' | 'declared' | 'subjects' | 'evidence'> {
  return kernel.once(readContainers)
}

interface Reading extends BuiltContainers {
  evidence: Evidence
}

function readContainers(kernel: Kernel): Reading {
  const tasks = listedPlacedTasks(kernel).filter(isLeader)
  const init = tasks.find(({ pid }) => pid === 1)
  const files = init && CachedFiles.of(kernel, init.address)
  const missing: Warning[] = []
  if (!files) {
    const message = "the host's mounts cannot be read: no container configuration was looked for"
    missing.push({ code: 'unreadable', message })
  }
  const evidence: Evidence = {
    cgroups: cgroupEvidence(kernel, tasks),
    processes: tasks.map((task) => processEvidence(kernel, task)),
    mounts: mountEvidence(kernel, tasks),
    networks: networkEvidence(readInterfaces(kernel)),
    networks6: () => networkEvidence(readIpv6Interfaces(kernel)),
    inner: innerEngines(kernel, tasks),
    daemons: tasks.flatMap((task) => {
      const program = daemonOf(task)
      const heap = () => ProcessMemory.heapOf(kernel, task.address)
      return program === null ? [] : [{ pid: task.pid ?? -1, program, container: task.container, heap }]
    }),
    files: files ?? NO_FILES,
  }
  const built = buildContainers(evidence)
  return { ...built, warnings: [...missing, ...built.warnings], evidence }
}

/** Containers in which engines are looked for; more would be an attacker's. */
const MOST_INNER = 64

/** Engines that run in containers, each by the files of one of its processes. */
function innerEngines(kernel: Kernel, tasks: readonly PlacedTask[]): InnerEngine[] {
  const found = new Map<string, PlacedTask>()
  for (const task of tasks) {
    const { container } = task
    if (container === null || found.has(container) || found.size >= MOST_INNER) continue
    if (isEngineDaemon(processEvidence(kernel, task))) found.set(container, task)
  }
  return [...found].flatMap(([container, { address }]) => {
    const files = CachedFiles.of(kernel, address)
    const processes = tasks.filter((task) => task.container === container).map((task) => processEvidence(kernel, task))
    return files === null ? [] : [{ container, files, processes }]
  })
}

/** Programs in whose memory containers are told of: engines, what the kubelet is a part of, and who looks after one. */
const DAEMONS: ReadonlySet<string> = new Set([
  ...['dockerd', 'containerd', 'crio', 'kubelet', 'k3s', 'rke2', 'k0s', 'kubelite', 'conmon'],
])

function daemonOf({ exe, comm }: PlacedTask): string | null {
  const program = exe === null ? comm : exe.slice(exe.lastIndexOf('/') + 1)
  return program !== null && DAEMONS.has(program) ? program : null
}

function cgroupEvidence(kernel: Kernel, tasks: PlacedTask[]): CgroupEvidence[] {
  const members = cgroupMembers(kernel, tasks)
  return readCgroups(kernel).flatMap(({ address, path, hierarchy, frozen }) => {
    if (path === null) return []
    return [{ path, hierarchy, pids: (members.get(address) ?? []).flatMap(({ pid }) => pid ?? []), frozen }]
  })
}

function processEvidence(kernel: Kernel, task: PlacedTask): ProcessEvidence {
  return {
    pid: task.pid ?? -1,
    ppid: task.ppid,
    comm: task.comm,
    args: task.args ?? [],
    exe: task.exe,
    started: task.started,
    start_ticks: startTicks(kernel, task.started),
    container: task.container,
    namespaces: {
      mnt: task.mnt_ns,
      pid: task.pid_ns,
      net: task.net_ns,
      uts: task.uts_ns,
      ipc: task.ipc_ns,
      user: task.user_ns,
      cgroup: task.cgroup_ns,
    },
    hostname: task.hostname,
    seccomp: task.seccomp,
    cap_bset: task.capabilities.bounding,
    cap_eff: task.capabilities.effective,
  }
}

/** Mounts of the first process of each container; the others share its namespace or left it, and are not asked. */
function mountEvidence(kernel: Kernel, tasks: PlacedTask[]): Map<number, MountEvidence[]> {
  const first = new Map<string, PlacedTask>()
  for (const task of tasks) if (task.container !== null && !first.has(task.container)) first.set(task.container, task)
  const asked = [...first.values()]
  const mounts = readMounts(
    kernel,
    asked.map(({ address }) => address),
    true,
  )
  return new Map(
    asked.map(({ pid, address }) => [
      pid ?? -1,
      (mounts.get(address) ?? []).flatMap(({ root, target, type, source }) =>
        root === null || target === null ? [] : [{ root, mountpoint: target, fstype: type ?? '', source }],
      ),
    ]),
  )
}

function networkEvidence(interfaces: readonly Readonly<Interface>[]): Evidence['networks'] {
  const networks = new Map<number, { interface: string; address: string }[]>()
  for (const { net_ns, name, addresses } of interfaces) {
    if (net_ns === null || name === null) continue
    for (const address of addresses) append(networks, net_ns, { interface: name, address })
  }
  return networks
}
