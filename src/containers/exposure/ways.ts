/**
 * Ways from a container to its node. The names in capitals are those of KubeHound's edges (its reference of attacks),
 * so that a graph of these can be joined.
 */

import { givesNodeAway, holdsSecretsOfNode, reachesRuntime } from './node-places.js'
import type { ExposedContainer, ExposedMount, Exposure } from './types.js'

/** Capabilities that it has over the host: those of a user namespace of its own reach nothing outside. */
function has({ capabilities, root }: ExposedContainer, ...names: readonly string[]): boolean {
  return root === true && names.every((name) => capabilities?.has(name) === true)
}

function mounted({ mounts }: ExposedContainer, fits: (mount: ExposedMount) => boolean): string | null {
  const found = mounts.find(fits)
  if (found === undefined) return null
  return `${found.source} is at ${found.target}${found.read_only ? ', read-only' : ''}`
}

export const WAYS: readonly Exposure[] = [
  {
    name: 'EXPLOIT_CONTAINERD_SOCK',
    title: 'The socket of a container runtime is mounted',
    leads_to: 'root on the node',
    attack: 'T1610',
    because: (container) => mounted(container, ({ source }) => reachesRuntime(source)),
  },
  {
    name: 'CE_PRIV_MOUNT',
    title: 'It may mount a disk of the node',
    leads_to: 'root on the node',
    attack: 'T1611',
    because: (container) =>
      container.privileged === true && has(container, 'CAP_SYS_ADMIN')
        ? 'privileged: all devices, CAP_SYS_ADMIN'
        : null,
  },
  {
    name: 'CE_NSENTER',
    title: 'It may enter the namespaces of the node’s first process',
    leads_to: 'root on the node',
    attack: 'T1611',
    because: (container) =>
      container.host.has('pid') && has(container, 'CAP_SYS_ADMIN', 'CAP_SYS_PTRACE')
        ? 'the node’s process namespace, CAP_SYS_ADMIN, CAP_SYS_PTRACE'
        : null,
  },
  {
    name: 'CE_MODULE_LOAD',
    title: 'It may load kernel modules',
    leads_to: 'the kernel',
    attack: 'T1547.006',
    because: (container) => (has(container, 'CAP_SYS_MODULE') ? 'CAP_SYS_MODULE' : null),
  },
  {
    name: 'CE_SYS_PTRACE',
    title: 'It may write into processes of the node',
    leads_to: 'processes of the node',
    attack: 'T1055.008',
    because: (container) =>
      container.host.has('pid') && has(container, 'CAP_SYS_PTRACE')
        ? 'the node’s process namespace, CAP_SYS_PTRACE'
        : null,
  },
  {
    name: 'CE_UMH_CORE_PATTERN',
    title: 'It may choose the program that the kernel starts for a crash',
    leads_to: 'root on the node',
    attack: 'T1611',
    because: (container) =>
      mounted(
        container,
        ({ source, read_only }) => !read_only && /^\/proc(?:$|\/sys(?:$|\/kernel))/.test(source ?? ''),
      ),
  },
  {
    name: 'RELEASE_AGENT',
    title: 'It may choose the program that a cgroup starts when it is empty',
    leads_to: 'root on the node',
    attack: 'T1611',
    because: (container) =>
      container.cgroup_v1 && has(container, 'CAP_SYS_ADMIN') ? 'cgroup v1, CAP_SYS_ADMIN' : null,
  },
  {
    name: 'EXPLOIT_HOST_WRITE',
    title: 'It may write to folders that decide about the node',
    leads_to: 'root on the node',
    attack: 'T1611',
    because: (container) => mounted(container, ({ source, read_only }) => !read_only && givesNodeAway(source)),
  },
  {
    name: 'EXPLOIT_HOST_READ',
    title: 'It may read folders in which the node keeps secrets',
    leads_to: 'files of the node',
    attack: 'T1552.001',
    because: (container) => mounted(container, ({ source, read_only }) => read_only && holdsSecretsOfNode(source)),
  },
  {
    name: 'EXPLOIT_HOST_TRAVERSE',
    title: 'It sees the folders of other pods, with their tokens',
    leads_to: 'other containers',
    attack: 'T1528',
    because: (container) =>
      mounted(container, ({ source }) => /^\/(?:$|var$|var\/lib$|var\/lib\/kubelet(?:$|\/pods$))/.test(source ?? '')),
  },
  {
    name: 'CE_VAR_LOG_SYMLINK',
    title: 'It may put links into the logs that the kubelet reads out as root',
    leads_to: 'files of the node',
    attack: 'T1611',
    because: (container) =>
      mounted(container, ({ source, read_only }) => !read_only && /^\/var\/log(?:$|\/pods$)/.test(source ?? '')),
  },
  {
    name: 'OPEN_BY_HANDLE',
    title: 'It may open any file of a file system of which it has one',
    leads_to: 'files of the node',
    attack: 'T1611',
    because: (container) => (has(container, 'CAP_DAC_READ_SEARCH') ? 'CAP_DAC_READ_SEARCH' : null),
  },
  {
    name: 'RAW_IO',
    title: 'It may reach hardware and the memory of the kernel',
    leads_to: 'the kernel',
    attack: 'T1611',
    because: (container) => (has(container, 'CAP_SYS_RAWIO') ? 'CAP_SYS_RAWIO' : null),
  },
  {
    name: 'LOAD_BPF',
    title: 'It may load BPF programs that see and change the node',
    leads_to: 'the kernel',
    attack: 'T1014',
    because: (container) => {
      if (has(container, 'CAP_SYS_ADMIN')) return 'CAP_SYS_ADMIN'
      return has(container, 'CAP_BPF', 'CAP_PERFMON') ? 'CAP_BPF, CAP_PERFMON' : null
    },
  },
  {
    name: 'HOST_NETWORK',
    title: 'It reaches services that listen on the node alone, and the node’s metadata',
    leads_to: 'network of the node',
    attack: 'T1552.005',
    because: (container) => (container.host.has('net') ? 'the node’s network namespace' : null),
  },
  {
    name: 'HOST_FIREWALL',
    title: 'It may change the node’s firewall and routes',
    leads_to: 'network of the node',
    attack: 'T1562.004',
    because: (container) =>
      container.host.has('net') && has(container, 'CAP_NET_ADMIN')
        ? 'the node’s network namespace, CAP_NET_ADMIN'
        : null,
  },
  {
    name: 'SHARE_PS_NAMESPACE',
    title: 'It shares its process namespace with other containers',
    leads_to: 'other containers',
    attack: 'T1057',
    because: ({ shares_processes }) => (shares_processes.length === 0 ? null : `with ${shares_processes.join(', ')}`),
  },
  {
    name: 'TOKEN_STEAL',
    title: 'A service account’s token is mounted',
    leads_to: 'the API',
    attack: 'T1528',
    because: ({ token }) => token,
  },
  {
    name: 'NO_SECCOMP',
    title: 'No filter of system calls: every hole of the kernel is in reach',
    leads_to: 'the kernel',
    attack: 'T1068',
    because: ({ seccomp }) => (seccomp === 'disabled' ? 'seccomp is disabled' : null),
  },
  {
    name: 'UNCONFINED',
    title: 'AppArmor is in use on the node and does not confine it',
    leads_to: 'the kernel',
    attack: 'T1068',
    because: ({ label }) => (label === 'unconfined' ? 'unconfined' : null),
  },
]
