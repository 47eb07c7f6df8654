import { describe, expect, it } from 'vitest'
import { buildContainers } from '../../src/containers/containers.js'
import { FakeFiles } from './cached-files.js'
import { bounding, cgroup, defaultCaps, evidence, own, process, shim, spec } from './evidence.js'

const a = 'a'.repeat(64)
const b = 'b'.repeat(64)
const c = 'c'.repeat(64)
const uid = '4fd2c44f-52cb-42a7-a7e4-ea5a520915e0'
const podSlice = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${uid.replaceAll('-', '_')}.slice`
const dockerTree = {
  [`/run/containerd/io.containerd.runtime.v2.task/moby/${a}/config.json`]: spec({ hostname: 'web' }),
  [`/run/docker/runtime-runc/moby/${a}/state.json`]: JSON.stringify({
    ...{ id: a, init_process_pid: 863, created: '2026-11-23T12:56:36.62897567Z' },
  }),
  [`/var/lib/docker/containers/${a}/config.v2.json`]: JSON.stringify({
    ...{ ID: a, Name: '/shop-web-1', Config: { Hostname: 'web', Image: 'nginx:1.22' } },
    State: { Running: true, Paused: false, Pid: 863, StartedAt: '2026-11-23T12:56:37.77398008Z' },
    NetworkSettings: { Networks: { shop_frontend: { IPAddress: '172.30.0.2', IPPrefixLen: 24 } } },
    MountPoints: { '/data': { Type: 'volume', Source: '/v/_data', Destination: '/data', RW: true, Name: 'data' } },
    HostsPath: `/var/lib/docker/containers/${a}/hosts`,
  }),
  [`/var/lib/docker/containers/${a}/hostconfig.json`]: JSON.stringify({ Privileged: false, NetworkMode: 'shop' }),
}
const web = process({
  ...{ pid: 863, ppid: 840, comm: 'nginx', container: a, namespaces: own, hostname: 'web', seccomp: 2 },
  cap_bset: defaultCaps,
})
const worker = process({ ...web, pid: 915, ppid: 863, started: '2026-11-23T12:56:38.000000Z' })
const dockerCgroup = `/system.slice/docker-${a}.scope`

interface Docker {
  init?: object
  alone?: boolean
  tree?: object
  cgroups?: ReturnType<typeof cgroup>[]
  address6?: string
}

function docker(of: Docker = {}) {
  return buildContainers(
    evidence({
      cgroups: of.cgroups ?? [cgroup(dockerCgroup, [863, 915])],
      processes: [shim(840, 'moby', a), { ...web, ...of.init }, ...(of.alone ? [] : [worker])],
      networks: new Map([
        [
          103,
          [
            { interface: 'lo', address: '127.0.0.1/8' },
            { interface: 'eth0', address: '172.30.0.2/24' },
          ],
        ],
      ]),
      networks6: () => new Map([[103, [{ interface: 'eth0', address: of.address6 ?? 'fd00::9/64' }]]]),
      files: new FakeFiles({ ...dockerTree, ...of.tree }),
    }),
  )
}

describe('a Docker container', () => {
  it('has the IPv6 address that it was given, unless no interface has it', () => {
    const path = `/var/lib/docker/containers/${a}/config.v2.json`
    const config = JSON.parse(dockerTree[path] ?? '')
    Object.assign(config.NetworkSettings.Networks.shop_frontend, {
      GlobalIPv6Address: 'fd00::2',
      GlobalIPv6PrefixLen: 64,
    })
    const tree = { [path]: JSON.stringify(config) }
    const { rows, warnings } = docker({ tree, address6: 'fd00::2/64' })
    expect(rows[0]?.networks).toEqual([
      { name: 'shop_frontend', interface: 'eth0', address: '172.30.0.2/24' },
      { name: 'shop_frontend', interface: 'eth0', address: 'fd00::2/64' },
    ])
    expect(warnings).toEqual([])
    expect(docker({ tree }).warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('declared fd00::2/64, which no interface of its network namespace has'),
    ])
  })

  it('is one whole row', () => {
    const { rows, warnings } = docker()
    expect(warnings).toEqual([])
    expect(rows).toEqual([
      {
        ...{ id: a, kind: 'container', parent: null, runtime: 'docker', name: 'shop-web-1', image: 'nginx:1.22' },
        ...{ state: 'running', init_pid: 863, processes: 2, started: '2026-11-23T12:56:37.773980Z' },
        ...{ pod_uid: null, pod_name: null, pod_namespace: null, hostname: 'web', privileged: false },
        ...{ capabilities: bounding, seccomp: 'filter' },
        mounts: [
          { source: '/v/_data', target: '/data', type: 'volume', options: ['rw'] },
          { source: `/var/lib/docker/containers/${a}/hosts`, target: '/etc/hosts', type: 'bind', options: [] },
        ],
        networks: [{ name: 'shop_frontend', interface: 'eth0', address: '172.30.0.2/24' }],
        sources: {
          ...{ id: 'cgroup path', kind: 'cgroup path', runtime: 'cgroup path' },
          ...{ name: 'config.v2.json', image: 'config.v2.json' },
          ...{ state: 'task_struct', init_pid: 'state.json', processes: 'cgroup path', started: 'config.v2.json' },
          ...{ hostname: 'config.v2.json', privileged: 'hostconfig.json', capabilities: 'OCI config.json' },
          ...{ seccomp: 'task_struct', mounts: 'config.v2.json', networks: 'config.v2.json, network namespace' },
        },
        evidence: expect.arrayContaining([
          {
            source: 'state.json',
            path: `/run/docker/runtime-runc/moby/${a}/state.json`,
            address: expect.stringMatching(/^0xffff8880[0-9a-f]{8}$/),
          },
        ]),
      },
    ])
  })

  it('is paused when its cgroup is frozen, whatever Docker wrote last', () => {
    const { rows, warnings } = docker({ cgroups: [cgroup(dockerCgroup, [863], true)] })
    expect(rows[0]).toMatchObject({ state: 'paused', sources: { state: 'cgroup freezer' } })
    expect(warnings.map((warning) => warning.column)).toEqual(['state'])
  })

  it('has exited without a process, and a claim to the contrary is told', () => {
    const { rows, warnings } = buildContainers(evidence({ files: new FakeFiles(dockerTree) }))
    expect(rows[0]).toMatchObject({ state: 'exited', init_pid: null, processes: 0, name: 'shop-web-1' })
    expect(warnings).toEqual([
      {
        code: 'disagree',
        column: 'state',
        message: 'container aaaaaaaaaaaa: exited by no process in its cgroup, but running by config.v2.json',
      },
    ])
  })

  it('is created while runc waits for its start', () => {
    const tree = {
      [`/var/lib/docker/containers/${a}/config.v2.json`]: JSON.stringify({ ID: a, State: { Running: false } }),
    }
    const cgroups = [cgroup(dockerCgroup, [863])]
    expect(docker({ init: { comm: 'runc:[2:INIT]' }, alone: true, tree, cgroups }).rows[0]).toMatchObject({
      state: 'created',
    })
    expect(buildContainers(evidence({ files: new FakeFiles(tree) })).rows[0]).toMatchObject({ state: 'created' })
  })

  it('shows what the kernel has and the declaration does not', () => {
    const init = { cap_bset: defaultCaps | (1n << 21n), seccomp: 0, hostname: 'renamed' }
    const { rows, warnings } = docker({ init })
    expect(rows[0]).toMatchObject({ capabilities: bounding, seccomp: 'disabled', hostname: 'web' })
    expect(warnings.map((warning) => warning.column)).toEqual(['hostname', 'capabilities', 'seccomp'])
    expect(docker({ init: { cap_bset: 0n } }).warnings).toEqual([])
  })

  it('is still found when its first process was moved to another cgroup', () => {
    const cgroups = [cgroup('/', [1, 863]), cgroup(dockerCgroup, [])]
    const alone = docker({ init: { container: null }, alone: true, cgroups })
    expect(alone.rows[0]).toMatchObject({ state: 'running', init_pid: 863, processes: 0 })
    expect(alone.warnings).toMatchObject([{ code: 'disagree', column: 'processes' }])
    const left = docker({ init: { container: null }, cgroups })
    expect(left.rows[0]).toMatchObject({ state: 'running', init_pid: 863, processes: 1 })
    expect(left.warnings).toMatchObject([{ code: 'disagree', column: 'processes' }])
  })

  it('reports a declaration that makes no sense', () => {
    const path = `/var/lib/docker/containers/${a}/config.v2.json`
    const { rows, warnings } = docker({ tree: { [path]: '{"ID":' } })
    expect(rows[0]).toMatchObject({ id: a, name: null, hostname: 'web', sources: { hostname: 'OCI config.json' } })
    expect(warnings).toMatchObject([{ code: 'malformed', message: `${path}: config.v2.json: not JSON` }])
  })
})

describe('a pod', () => {
  const cri = '/var/lib/containerd/io.containerd.grpc.v1.cri'
  const names = {
    'io.kubernetes.cri.sandbox-id': a,
    'io.kubernetes.cri.sandbox-name': 'sessions-0',
    'io.kubernetes.cri.sandbox-namespace': 'payments',
  }
  const pod = { pod_uid: uid, pod_name: 'sessions-0', pod_namespace: 'payments' }
  const bundles = '/run/containerd/io.containerd.runtime.v2.task/k8s.io'
  const sandbox = {
    [`${bundles}/${a}/config.json`]: spec({
      ...{ hostname: 'sessions-0', args: ['/pause'] },
      annotations: { 'io.kubernetes.cri.container-type': 'sandbox', ...names },
    }),
    [`${cri}/sandboxes/${a}/hostname`]: 'sessions-0\n',
  }
  const processes = [
    shim(500, 'k8s.io', a),
    process({ pid: 600, ppid: 500, comm: 'pause', args: ['/pause'], container: a, namespaces: own }),
    process({ pid: 700, ppid: 500, container: b, namespaces: { ...own, mnt: 201, pid: 202 }, hostname: 'sessions-0' }),
  ].map((entry) => ({
    ...entry,
    hostname: entry.pid === 500 ? 'host' : 'sessions-0',
    cap_bset: defaultCaps,
    seccomp: 2,
  }))
  const cgroups = [
    cgroup(podSlice, []),
    cgroup(`${podSlice}/cri-containerd-${a}.scope`, [600]),
    cgroup(`${podSlice}/cri-containerd-${b}.scope`, [700]),
  ]

  it('has a sandbox, containers and what ended', () => {
    const files = new FakeFiles({
      ...sandbox,
      [`${bundles}/${b}/config.json`]: spec({
        annotations: {
          ...{ 'io.kubernetes.cri.container-type': 'container', 'io.kubernetes.cri.container-name': 'redis', ...names },
          'io.kubernetes.cri.image-name': 'docker.io/library/redis:7.0',
        },
      }),
      [`${cri}/containers/${b}/status`]:
        '{"Version":"v1","Pid":700,"CreatedAt":1795471294152039769,"StartedAt":1795471300768667123,"FinishedAt":0}',
      [`${cri}/containers/${c}/status`]:
        '{"Version":"v1","Pid":0,"CreatedAt":1795471294152039769,"StartedAt":1795471300768667123,"FinishedAt":1795471300900000000}',
      [`/var/log/containers/sessions-0_payments_migrate-${c}.log`]: {
        link: `/var/log/pods/payments_sessions-0_${uid}/migrate/0.log`,
      },
    })
    const { rows, warnings } = buildContainers(evidence({ cgroups, processes, files }))
    expect(warnings).toEqual([])
    const common = { runtime: 'containerd', hostname: 'sessions-0', ...pod }
    expect(rows).toMatchObject([
      { id: a, kind: 'sandbox', name: 'sessions-0', state: 'running', init_pid: 600, processes: 1, ...common },
      { id: b, kind: 'container', name: 'redis', image: 'docker.io/library/redis:7.0', init_pid: 700, ...common },
      {
        ...{ id: c, kind: 'container', name: 'migrate', image: null, state: 'exited', init_pid: null, processes: 0 },
        ...{ started: '2026-11-23T22:01:40.768667Z', privileged: null, capabilities: null, mounts: null, ...common },
      },
    ])
    expect(rows[1]?.sources).toMatchObject({ pod_uid: 'cgroup path', hostname: "sandbox's OCI config.json" })
    expect(rows[2]?.sources).toMatchObject({ id: 'directory name', pod_uid: 'kubelet log name', state: 'CRI status' })
  })

  it('is named by its shim, its mounts and the namespaces it shares when the declarations are gone', () => {
    const bind = (root: string, mountpoint: string) => ({ root, mountpoint, fstype: 'ext4', source: '/dev/vda' })
    const hosts = bind(`/var/lib/kubelet/pods/${uid}/etc-hosts`, '/etc/hosts')
    const log = bind(`/var/lib/kubelet/pods/${uid}/containers/redis/5e1150a9`, '/dev/termination-log')
    const mounts = new Map([[700, [hosts, log, bind('/', '/host')]]])
    const bare = [
      cgroup(`/kubepods/burstable/pod${uid}/${a}`, [600]),
      cgroup(`/kubepods/burstable/pod${uid}/${b}`, [700]),
    ]
    const { rows } = buildContainers(evidence({ cgroups: bare, processes, mounts, files: new FakeFiles(sandbox) }))
    expect(rows).toMatchObject([
      { id: a, kind: 'sandbox', runtime: 'containerd', ...pod },
      { id: b, kind: 'container', runtime: 'containerd', name: 'redis', hostname: 'sessions-0', ...pod },
    ])
    expect(rows[1]?.sources).toMatchObject({ runtime: 'shim arguments', name: 'mounts of the first process' })
    expect(rows[1]?.mounts?.map(({ source, target }) => `${source} ${target}`)).toEqual([
      `/var/lib/kubelet/pods/${uid}/etc-hosts /etc/hosts`,
      '/ /host',
    ])
  })

  it("warns when the declaration's pod is not the cgroup's", () => {
    const other = spec({
      annotations: { ...names, 'io.kubernetes.cri.sandbox-uid': 'cc2d0c493fa24fbfde33422190399853' },
    })
    const files = new FakeFiles({ ...sandbox, [`${bundles}/${b}/config.json`]: other })
    const { rows, warnings } = buildContainers(evidence({ cgroups, processes, files }))
    expect(rows[1]).toMatchObject({ pod_uid: uid })
    expect(warnings).toMatchObject([{ code: 'disagree', column: 'pod_uid' }])
  })
})

describe('a directory and nothing else', () => {
  it('is a row without a state under a full id, and none under another name', () => {
    const files = new FakeFiles({
      [`/run/containerd/io.containerd.runtime.v2.task/k8s.io/${a}`]: null,
      '/run/runc/left-over': null,
    })
    const { rows, warnings } = buildContainers(evidence({ files }))
    expect(warnings).toEqual([])
    expect(rows).toMatchObject([
      { id: a, kind: 'container', runtime: 'containerd', state: null, name: null, init_pid: null, processes: 0 },
    ])
    expect(rows[0]?.sources).toEqual({
      ...{ id: 'directory name', kind: 'directory name', runtime: 'directory name', processes: 'no cgroup of its own' },
    })
  })

  it('is bounded', () => {
    const many = Array.from({ length: 20_001 }, (_, index) => index.toString(16).padStart(64, '0'))
    const list = (path: string) =>
      path === '/var/lib/docker/containers'
        ? many.map((name) => ({ name, path: `${path}/${name}`, kind: 'directory' as const, address: 1n }))
        : []
    const files = { list, read: () => ({ text: null, reason: 'not cached' }), readlink: () => null }
    const { rows, warnings } = buildContainers(evidence({ files }))
    expect(rows).toHaveLength(20_000)
    expect(warnings).toEqual([{ code: 'cap', message: 'more than 20000 container directories' }])
  })
})
