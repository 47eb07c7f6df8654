import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseCgroupPath } from '../../src/containers/cgroup-path.js'
import type {
  CgroupEvidence,
  Evidence,
  InterfaceEvidence,
  MountEvidence,
  ProcessEvidence,
} from '../../src/containers/types.js'

// biome-ignore lint/suspicious/noExplicitAny: the truth is what other programs wrote
export type Json = any

export function readJson(...path: string[]): Json {
  return JSON.parse(readFileSync(join(...path), 'utf8'))
}

export function readAll(...path: string[]): Json[] {
  const folder = join(...path)
  return readdirSync(folder)
    .sort()
    .map((name) => readJson(folder, name))
}

/** What the kernel's tables would give, from what /proc gave at the stop. */
export function evidenceFrom(truth: string, files: Evidence['files']): Evidence {
  const listed: Json[] = readJson(truth, 'processes.json')
  const cgroups: Json = readJson(truth, 'cgroups.json')
  const host = readJson(truth, 'host.json')
  return {
    cgroups: Object.keys(cgroups).map((path): CgroupEvidence => {
      const { procs, 'cgroup.freeze': freeze } = cgroups[path]
      return {
        path: path.slice('/sys/fs/cgroup'.length) || '/',
        hierarchy: 'unified',
        pids: procs,
        frozen: freeze === '1',
      }
    }),
    processes: listed.map(
      (entry): ProcessEvidence => ({
        pid: entry.pid,
        ppid: entry.ppid,
        comm: entry.comm,
        args: entry.cmdline ?? [],
        exe: entry.exe,
        started: new Date(entry.start_epoch * 1000).toISOString().replace('Z', '000Z'),
        start_ticks: entry.starttime_ticks,
        container: parseCgroupPath(entry.cgroup[0].slice(3)).container?.id ?? null,
        namespaces: entry.ns,
        hostname: null,
        seccomp: Number(entry.seccomp),
        cap_bset: BigInt(`0x${entry.caps.CapBnd}`),
        cap_eff: BigInt(`0x${entry.caps.CapEff}`),
      }),
    ),
    mounts: new Map(listed.map((entry) => [entry.pid, (entry.mountinfo ?? []).map(readMount)])),
    networks: new Map(Object.keys(host.netns).map((inode) => [Number(inode), readAddresses(truth, inode)])),
    networks6: () => new Map(),
    files,
  }
}

function readMount(line: string): MountEvidence {
  const [left = '', right = ''] = line.split(' - ')
  const [, , , root = '', mountpoint = ''] = left.split(' ')
  const [fstype = '', source = null] = right.split(' ')
  return { root, mountpoint, fstype, source }
}

function readAddresses(truth: string, inode: string): InterfaceEvidence[] {
  const links: Json[] = readJson(truth, 'net', inode, 'addr.json')
  return links.flatMap((link) =>
    link.addr_info.map((address: Json) => ({
      interface: link.ifname,
      address: `${address.local}/${address.prefixlen}`,
    })),
  )
}

/** 2026-11-23T12:56:37.77398008Z → 2026-11-23T12:56:37.773980Z */
export function micros(time: string): string {
  const [second = '', fraction = ''] = time.replace('Z', '').split('.')
  return `${second}.${fraction.padEnd(6, '0').slice(0, 6)}Z`
}
