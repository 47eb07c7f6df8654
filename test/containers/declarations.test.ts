import { describe, expect, it } from 'vitest'
import { capabilityNames, sortCapabilities } from '../../src/containers/capabilities.js'
import { carveCriRecords } from '../../src/containers/containerd-metadata.js'
import { parseCriStatus } from '../../src/containers/cri-status.js'
import { parseDockerConfig, parseDockerHostConfig } from '../../src/containers/docker-config.js'
import { parseContainerLogName, parsePodLogDirectory, parsePodLogPath } from '../../src/containers/kubelet-logs.js'
import { parseStoredContainers } from '../../src/containers/podman-storage.js'
import { parseCrunStatus, parseRuncState } from '../../src/containers/runc-state.js'
import { parseConmonArguments, parseKubernetesName, parseShimArguments } from '../../src/containers/shim-args.js'
import { isoFromNanoseconds, isoFromText } from '../../src/containers/time.js'

const id = 'a'.repeat(64)
const uid = '4fd2c44f-52cb-42a7-a7e4-ea5a520915e0'

describe("the runtimes' state", () => {
  it("is read from runc's state.json", () => {
    const state = {
      id,
      init_process_pid: 863,
      init_process_start: 22746,
      created: '2026-11-23T12:56:36.62897567Z',
      config: { rootfs: '/merged', labels: ['other', 'bundle=/run/bundle'] },
      cgroup_paths: { '': '/sys/fs/cgroup/system.slice/x.scope' },
      namespace_paths: { NEWPID: '/proc/863/ns/pid' },
    }
    expect(parseRuncState(JSON.stringify(state)).value).toEqual({
      id,
      source: 'state.json',
      init_pid: 863,
      init_start_ticks: 22746,
      created: '2026-11-23T12:56:36.628975Z',
      rootfs: '/merged',
      cgroup_paths: new Map([['', '/sys/fs/cgroup/system.slice/x.scope']]),
      namespace_paths: new Map([['NEWPID', '/proc/863/ns/pid']]),
      bundle: '/run/bundle',
    })
  })

  it("is read from crun's status", () => {
    const status = {
      pid: 139179,
      'cgroup-path': '/machine.slice/x',
      bundle: '/b',
      created: '2021-08-29T14:34:52.000293Z',
    }
    expect(parseCrunStatus(JSON.stringify(status)).value).toMatchObject({
      source: 'crun status',
      init_pid: 139179,
      created: '2021-08-29T14:34:52.000293Z',
      bundle: '/b',
      cgroup_paths: new Map([['', '/machine.slice/x']]),
    })
    expect(parseCrunStatus('{}').problem).toBe('crun status: neither pid nor cgroup')
  })
})

describe("Docker's files", () => {
  it('are read whole', () => {
    const config = {
      ...{
        ID: id,
        Created: '2026-11-23T12:55:35.36527455Z',
        Name: '/corp-batch',
        Image: 'sha256:d0',
        Path: 'sh',
        Args: ['-c'],
      },
      ...{ RestartCount: 2, LogPath: '/var/log/x.log' },
      State: { Running: true, Paused: false, Pid: 1050, ExitCode: 0, StartedAt: '2026-11-23T12:57:09.0345382Z' },
      Config: { Hostname: 'batch', Env: null, Image: 'corp/batch:2', Labels: { team: 'ops' } },
      NetworkSettings: {
        Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }, {}], '53/udp': null },
        Networks: { bridge: { IPAddress: '172.17.0.2', IPPrefixLen: 16, Gateway: '172.17.0.1', MacAddress: '02:42' } },
      },
      MountPoints: {
        '/data': {
          Type: 'bind',
          Source: '/srv/data',
          Destination: '/data',
          RW: false,
          Name: '',
          Propagation: 'rprivate',
        },
      },
      HostsPath: '/var/lib/docker/containers/x/hosts',
      AppArmorProfile: 'docker-default',
    }
    expect(parseDockerConfig(JSON.stringify(config)).value).toEqual({
      ...{ id, name: 'corp-batch', image: 'corp/batch:2', image_id: 'sha256:d0', hostname: 'batch', path: 'sh' },
      ...{ args: ['-c'], env: [], labels: new Map([['team', 'ops']]), created: '2026-11-23T12:55:35.365274Z' },
      ...{
        running: true,
        paused: false,
        pid: 1050,
        exit_code: 0,
        started: '2026-11-23T12:57:09.034538Z',
        finished: null,
      },
      mounts: [
        { type: 'bind', source: '/srv/data', target: '/data', name: null, writable: false, propagation: 'rprivate' },
      ],
      files: [{ source: '/var/lib/docker/containers/x/hosts', target: '/etc/hosts' }],
      networks: [{ name: 'bridge', address: '172.17.0.2/16', address6: null, gateway: '172.17.0.1', mac: '02:42' }],
      ...{ apparmor: 'docker-default', seccomp_profile: null, restart_count: 2, log_path: '/var/log/x.log' },
      ports: [
        { port: '53/udp', published: [] },
        { port: '80/tcp', published: ['0.0.0.0:8080'] },
      ],
    })
    const limits = { Memory: 0, PidsLimit: 32, CpuQuota: 20_000, CpuPeriod: 0, RestartPolicy: { Name: 'always' } }
    const host = {
      ...limits,
      Privileged: true,
      CapAdd: ['SYS_ADMIN'],
      CapDrop: null,
      NetworkMode: 'default',
      MaskedPaths: null,
    }
    expect(parseDockerHostConfig(JSON.stringify(host)).value).toEqual({
      ...{ privileged: true, cap_add: ['SYS_ADMIN'], cap_drop: [], security_options: [], network_mode: 'default' },
      ...{ pid_mode: null, ipc_mode: null, uts_mode: null, binds: [], masked_paths: null },
      ...{ memory_limit: null, pids_limit: 32, cpu_limit: 200, restart_policy: 'always', ports: [] },
    })
  })
})

describe("containerd's CRI status", () => {
  it('keeps microseconds that a JSON number would not', () => {
    const status =
      '{"Version":"v1","Pid":0,"CreatedAt":1795471404306424729,"StartedAt":1795471405570540842,' +
      '"FinishedAt":1795471407600244325,"ExitCode":3,"Reason":"Error","Message":"\\"StartedAt\\": 7"}'
    expect(parseCriStatus(status).value).toEqual({
      pid: null,
      created: '2026-11-23T22:03:24.306424Z',
      started: '2026-11-23T22:03:25.570540Z',
      finished: '2026-11-23T22:03:27.600244Z',
      exit_code: 3,
      reason: 'Error',
      message: '"StartedAt": 7',
    })
  })
})

describe("the kubelet's log names", () => {
  it('tell pod, container and id', () => {
    expect(parsePodLogDirectory(`payments_sessions-0_${uid}`)).toEqual({
      ...{ pod_namespace: 'payments', pod_name: 'sessions-0', pod_uid: uid },
    })
    expect(parseContainerLogName(`schema-sync-khpfm_payments_migrate-${id}.log`)).toEqual({
      ...{ pod_name: 'schema-sync-khpfm', pod_namespace: 'payments', container_name: 'migrate', id },
    })
    expect(parsePodLogPath(`/var/log/pods/payments_sessions-0_${uid}/redis/4.log`)).toMatchObject({
      ...{ container_name: 'redis', attempt: 4, pod_uid: uid },
    })
    for (const name of ['', 'x', 'a_b', `a_b_c-${id}`, `../a_b_c-${id}.log`, `a_b_c-${id.slice(1)}.log`]) {
      expect(parseContainerLogName(name)).toBeNull()
    }
    expect(parsePodLogPath('/var/log/pods/a_b_c/d/e.log')).toBeNull()
  })
})

describe('the arguments of monitors', () => {
  it("are containerd's shims'", () => {
    const args = ['/usr/bin/containerd-shim-runc-v2', '-namespace', 'moby', '-id', id, '-address', '/run/c.sock']
    expect(parseShimArguments(args)).toEqual({ namespace: 'moby', id, address: '/run/c.sock' })
    const old = ['containerd-shim', '-namespace', 'k8s.io', '-workdir', `/var/lib/x/k8s.io/${id}`]
    expect(parseShimArguments(old)).toMatchObject({ namespace: 'k8s.io', id })
    expect(parseShimArguments(['/tmp/evil', '-namespace', 'moby', '-id', id])).toBeNull()
    expect(parseShimArguments(['containerd-shim-runc-v2', '-id'])).toBeNull()
  })

  it("are conmon's", () => {
    const name = `k8s_redis_sessions-0_payments_${uid}_0`
    const args = ['/usr/bin/conmon', '-b', '/run/b', '-c', id, '-n', name, '-r', '/usr/bin/crun', '-u', id, '-l', '/x']
    expect(parseConmonArguments(args)).toEqual({ id, name, bundle: '/run/b', runtime: '/usr/bin/crun', log_path: '/x' })
    expect(parseConmonArguments(['/usr/bin/conmon', '--cid', id, '--name=web'])).toMatchObject({ id, name: 'web' })
    expect(parseKubernetesName(`/${name}`)).toEqual({
      ...{ container_name: 'redis', pod_name: 'sessions-0', pod_namespace: 'payments', pod_uid: uid, attempt: 0 },
    })
    expect(parseKubernetesName('k8s_only')).toBeNull()
  })
})

describe('containers.json', () => {
  it("is podman's and CRI-O's", () => {
    const podman = { 'image-name': 'docker.io/library/redis:7', name: 'cache', 'created-at': 1 }
    const crio = {
      ...{
        'pod-name': 'sessions-0',
        'pod-id': id,
        'image-name': 'redis:7',
        name: 'k8s_redis',
        'metadata-name': 'redis',
      },
    }
    const stored = [
      { id, names: ['cache'], image: 'sha', metadata: JSON.stringify(podman), created: '2026-11-23T12:00:00.1Z' },
      { id: 'b'.repeat(64), names: ['k8s_redis'], image: 'sha', metadata: JSON.stringify(crio) },
      { id: 'short' },
    ]
    const read = parseStoredContainers(JSON.stringify(stored)).value
    expect(read?.map(({ name, image, pod_name }) => ({ name, image, pod_name }))).toEqual([
      { name: 'cache', image: 'docker.io/library/redis:7', pod_name: null },
      { name: 'redis', image: 'redis:7', pod_name: 'sessions-0' },
    ])
    expect(read?.[0]?.created).toBe('2026-11-23T12:00:00.100000Z')
    expect(parseStoredContainers('{}').problem).toBe('containers.json: not a list')
  })
})

describe("records in containerd's database", () => {
  const sandbox = {
    Version: 'v1',
    Metadata: {
      ID: id,
      Name: 'x',
      Config: {
        metadata: { name: 'p', uid, namespace: 'n', attempt: 2 },
        hostname: 'h',
        labels: { app: 'x', not: 1 },
        annotations: {
          'io.kubernetes.container.ports':
            '[{"containerPort":80,"hostPort":81},{"containerPort":53,"protocol":"UDP"},7]',
        },
        log_directory: '/var/log/pods/n_p_u',
        mounts: [{ host_path: '/srv', container_path: '/data' }, { container_path: '/lost' }],
        linux: {
          cgroup_parent: '/kubepods.slice/x',
          security_context: { namespace_options: { network: 2, pid: 1 } },
        },
      },
      IP: '10.0.0.2',
    },
  }

  it('are carved, torn ones left', () => {
    const json = JSON.stringify(sandbox)
    const spec = { ociVersion: '1.2.0', linux: { cgroupsPath: `kubepods-pod.slice:cri-containerd:${id}` } }
    const carved = carveCriRecords(`\0\0${json.slice(0, 70)}\0\0\u0012${json}\0${JSON.stringify(spec)}junk{`)
    expect([...carved.metadata.values()]).toEqual([
      {
        ...{ id, kind: 'sandbox', name: 'p', image: null, sandbox_id: null, hostname: 'h' },
        ...{ pod_name: 'p', pod_namespace: 'n', pod_uid: uid, addresses: ['10.0.0.2'] },
        ...{ attempt: 2, labels: new Map([['app', 'x']]), annotations: expect.any(Map) },
        namespaces: new Map([
          ['network', 2],
          ['pid', 1],
          ['ipc', 0],
        ]),
        ...{ mounts: [{ source: '/srv', target: '/data' }], cgroup_parent: '/kubepods.slice/x' },
        ...{ image_id: null, log_path: '/var/log/pods/n_p_u' },
        ports: [
          { port: '80/tcp', published: [':81'] },
          { port: '53/udp', published: [] },
        ],
      },
    ])
    expect([...carved.specs.keys()]).toEqual([id])
  })

  it('are bounded', () => {
    const start = '{"Version":"v1","Metadata":{"ID":"'
    expect(carveCriRecords(start.repeat(50_000))).toEqual({ metadata: new Map(), specs: new Map(), capped: true })
  })
})

describe('times and capabilities', () => {
  it('are as the tables have them', () => {
    expect(isoFromText('0001-01-01T00:00:00Z')).toBeNull()
    expect(isoFromText('2026-11-23T13:56:37.77398008+01:00')).toBe('2026-11-23T12:56:37.773980Z')
    expect(isoFromText('2026-02-30T99:00:00Z')).toBeNull()
    expect(isoFromNanoseconds(0n)).toBeNull()
    expect(isoFromNanoseconds(10n ** 30n)).toBeNull()
    expect(capabilityNames(0xa80425fbn)).toHaveLength(14)
    expect(capabilityNames(1n << 63n)).toEqual(['CAP_63'])
    expect(sortCapabilities(['CAP_KILL', 'CAP_NEW', 'CAP_CHOWN', 'CAP_KILL'])).toEqual([
      'CAP_CHOWN',
      'CAP_KILL',
      'CAP_NEW',
    ])
  })
})
