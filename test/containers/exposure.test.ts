/** Each way out of a container on one that has only what it takes, and on one that has none of it. */

import { expect, test } from 'vitest'
import { exposedSettings } from '../../src/containers/exposure/settings.js'
import type { ExposedContainer } from '../../src/containers/exposure/types.js'
import { WAYS } from '../../src/containers/exposure/ways.js'

const closed: ExposedContainer = {
  capabilities: new Set(['CAP_CHOWN', 'CAP_NET_RAW']),
  seccomp: 'filter',
  label: 'docker-default (enforce)',
  host: new Set(),
  root: true,
  privileged: false,
  mounts: [{ source: '/srv/data', target: '/data', read_only: false }],
  token: null,
  shares_processes: [],
  cgroup_v1: false,
}

const ways = (of: Partial<ExposedContainer>) =>
  WAYS.filter(({ because }) => because({ ...closed, ...of }) !== null).map(({ name }) => name)
const caps = (...names: string[]) => ({ capabilities: new Set(names) })
const mount = (source: string, read_only = false) => ({ mounts: [{ source, target: '/x', read_only }] })

test('a container with the usual has none', () => {
  expect(ways({})).toEqual([])
})

test.each<[Partial<ExposedContainer>, string[]]>([
  [mount('/run/containerd/containerd.sock'), ['EXPLOIT_CONTAINERD_SOCK']],
  [mount('/etc/kubernetes'), ['EXPLOIT_HOST_WRITE']],
  [mount('/etc', true), ['EXPLOIT_HOST_READ']],
  [mount('/var/lib/kubelet/pods', true), ['EXPLOIT_HOST_READ', 'EXPLOIT_HOST_TRAVERSE']],
  [mount('/var/log'), ['CE_VAR_LOG_SYMLINK']],
  [mount('/var/log', true), []],
  [mount('/proc'), ['CE_UMH_CORE_PATTERN', 'EXPLOIT_HOST_WRITE']],
  [mount('/run', true), ['EXPLOIT_CONTAINERD_SOCK', 'EXPLOIT_HOST_READ']],
  [mount('/run/buildkit/buildkitd.sock', true), ['EXPLOIT_CONTAINERD_SOCK']],
  [mount('/usr/lib/systemd/system'), ['EXPLOIT_HOST_WRITE']],
  [mount('/usr/share/zoneinfo'), []],
  [mount('/etc/localtime'), []],
  [mount('/etc/ssl/certs', true), []],
  [mount('/lib/modules', true), []],
  [mount('/var/lib/docker/volumes/data/_data'), []],
  [mount('/var/lib/docker/containers', true), ['EXPLOIT_HOST_READ']],
  [caps('CAP_SYS_MODULE'), ['CE_MODULE_LOAD']],
  [caps('CAP_DAC_READ_SEARCH'), ['OPEN_BY_HANDLE']],
  [caps('CAP_BPF'), []],
  [caps('CAP_BPF', 'CAP_PERFMON'), ['LOAD_BPF']],
  [{ ...caps('CAP_SYS_PTRACE'), host: new Set(['pid']) }, ['CE_SYS_PTRACE']],
  [{ host: new Set(['net']) }, ['HOST_NETWORK']],
  [{ ...caps('CAP_NET_ADMIN'), host: new Set(['net']) }, ['HOST_NETWORK', 'HOST_FIREWALL']],
  [{ ...caps('CAP_SYS_ADMIN'), cgroup_v1: true }, ['RELEASE_AGENT', 'LOAD_BPF']],
  [{ seccomp: 'disabled' }, ['NO_SECCOMP']],
  [{ label: 'unconfined' }, ['UNCONFINED']],
  [{ token: '/run/secrets/kubernetes.io/serviceaccount' }, ['TOKEN_STEAL']],
  [{ shares_processes: ['web'] }, ['SHARE_PS_NAMESPACE']],
])('%j opens %j', (of, expected) => {
  expect(ways(of)).toEqual(expected)
})

test('capabilities of a user namespace of its own reach nothing outside, and unknown ones make no row', () => {
  const everything = caps('CAP_SYS_ADMIN', 'CAP_SYS_MODULE', 'CAP_SYS_RAWIO', 'CAP_DAC_READ_SEARCH')
  expect(ways({ ...everything, root: false })).toEqual([])
  expect(ways({ capabilities: null, seccomp: null, label: null, root: null, privileged: null })).toEqual([])
})

test('settings count by their values, and arguments by the program that has them', () => {
  const values = [
    { name: 'kernel.kptr_restrict', value: '0' },
    { name: 'kernel.unprivileged_bpf_disabled', value: '2' },
  ]
  const processes = [
    { exe: '/usr/bin/kubelet', args: ['kubelet', '--anonymous-auth=true'] },
    { exe: '/bin/sh', args: ['sh', '--read-only-port=10255'] },
    { exe: null, args: null },
  ]
  expect(exposedSettings(values, processes).map(({ name, because }) => [name, because])).toEqual([
    ['kernel.kptr_restrict', 'kernel.kptr_restrict is 0'],
    ['kubelet --anonymous-auth', 'kubelet was given --anonymous-auth=true'],
  ])
})
