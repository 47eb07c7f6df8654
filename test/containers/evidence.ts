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
    files: of.files ?? new FakeFiles({}),
  }
}
