import type { CgroupEvidence, Evidence, NamespaceInodes, ProcessEvidence } from '../../src/containers/types.js'
import { FakeFiles } from './cached-files.js'

export const hostNamespaces: NamespaceInodes = { mnt: 1, pid: 2, net: 3, uts: 4, ipc: 5, user: 6, cgroup: 7 }

export function process(of: Partial<ProcessEvidence> & { pid: number }): ProcessEvidence {
  return {
    ppid: 1,
    comm: 'sleep',
    args: ['sleep', '60'],
    exe: '/bin/sleep',
    started: '2026-11-23T12:00:00.000000Z',
    start_ticks: null,
    container: null,
    namespaces: hostNamespaces,
    hostname: 'host',
    seccomp: 0,
    cap_bset: 0x1ffffffffffn,
    cap_eff: 0n,
    ...of,
  }
}

export function cgroup(path: string, pids: number[], frozen = false): CgroupEvidence {
  return { path, hierarchy: 'unified', pids, frozen }
}

/** A host with its init and whatever else is given. */
export function evidence(of: Partial<Evidence>): Evidence {
  const init = process({ pid: 1, ppid: 0, comm: 'systemd', args: ['/sbin/init'] })
  return {
    cgroups: of.cgroups ?? [],
    processes: [init, ...(of.processes ?? [])],
    mounts: of.mounts ?? new Map(),
    networks: of.networks ?? new Map(),
    networks6: of.networks6 ?? (() => new Map()),
    files: of.files ?? new FakeFiles({}),
  }
}

/** A container's namespaces: its own, but for the host's users. */
export const own: NamespaceInodes = { mnt: 101, pid: 102, net: 103, uts: 104, ipc: 105, user: 6, cgroup: 107 }

/** Docker's and containerd's default set, in both notations. */
export const defaultCaps = 0xa80425fbn
export const bounding = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
]
  .concat(['CAP_SETPCAP', 'CAP_NET_BIND_SERVICE', 'CAP_NET_RAW', 'CAP_SYS_CHROOT', 'CAP_MKNOD'])
  .concat(['CAP_AUDIT_WRITE', 'CAP_SETFCAP'])

export function shim(pid: number, namespace: string, id: string) {
  const args = ['/usr/bin/containerd-shim-runc-v2', '-namespace', namespace, '-id', id]
  return process({ pid, comm: 'containerd-shim', args })
}

export function spec(of: {
  hostname?: string
  annotations?: object
  mounts?: object[]
  cgroupsPath?: string
  args?: string[]
}) {
  return JSON.stringify({
    ociVersion: '1.2.0',
    process: { args: of.args ?? ['sleep', '60'], capabilities: { bounding: [...bounding].reverse() } },
    hostname: of.hostname,
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }, ...(of.mounts ?? [])],
    annotations: of.annotations,
    linux: { seccomp: {}, maskedPaths: ['/proc/kcore'], cgroupsPath: of.cgroupsPath },
  })
}
