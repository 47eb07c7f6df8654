import { describe, expect, it } from 'vitest'
import { buildContainers } from '../../src/containers/containers.js'
import { FakeFiles } from './cached-files.js'
import { cgroup, defaultCaps, evidence, hostNamespaces, own, process, shim, spec } from './evidence.js'

const a = 'a'.repeat(64)
const b = 'b'.repeat(64)
const uid = '4fd2c44f-52cb-42a7-a7e4-ea5a520915e0'
const podSlice = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${uid.replaceAll('-', '_')}.slice`

describe('containers of other engines', () => {
  it("are podman's, rootless", () => {
    const stored = [{ id: a, names: ['cache'], metadata: JSON.stringify({ 'image-name': 'redis:7', name: 'cache' }) }]
    const storage = '/home/ops/.local/share/containers/storage/overlay-containers'
    const files = new FakeFiles({
      [`${storage}/containers.json`]: JSON.stringify([...stored, { id: b, names: ['old'] }]),
      [`/run/user/1000/containers/overlay-containers/${a}/userdata/config.json`]: spec({
        hostname: 'aaaaaaaaaaaa',
        annotations: { 'io.container.manager': 'libpod', 'io.podman.annotations.privileged': 'FALSE' },
      }),
      [`/run/user/1000/crun/${a}/status`]: JSON.stringify({ pid: 700, 'cgroup-path': '/x' }),
    })
    const path = `/user.slice/user-1000.slice/user@1000.service/user.slice`
    const { rows, warnings } = buildContainers(
      evidence({
        cgroups: [
          cgroup(`${path}/libpod-${a}.scope/container`, [700]),
          cgroup(`${path}/libpod-conmon-${a}.scope`, [690]),
        ],
        processes: [
          process({ pid: 690, comm: 'conmon', args: ['/usr/bin/conmon', '-c', a, '-u', a, '-n', 'cache'] }),
          process({
            pid: 700,
            ppid: 690,
            namespaces: own,
            hostname: 'aaaaaaaaaaaa',
            cap_bset: defaultCaps,
            seccomp: 2,
          }),
        ],
        files,
      }),
    )
    expect(warnings).toEqual([])
    expect(rows).toMatchObject([
      { id: a, runtime: 'podman', name: 'cache', image: 'redis:7', state: 'running', processes: 1, privileged: false },
      // Whether it was ever started, its database tells and nothing else.
      { id: b, runtime: 'podman', name: 'old', state: null, processes: 0 },
    ])
  })

  it("are CRI-O's, with every name in conmon's arguments", () => {
    const name = (container: string) => `k8s_${container}_sessions-0_payments_${uid}_0`
    const conmon = (pid: number, id: string, of: string) =>
      process({ pid, comm: 'conmon', args: ['/usr/bin/conmon', '-c', id, '-n', name(of), '-u', id] })
    const { rows } = buildContainers(
      evidence({
        cgroups: [
          cgroup(`${podSlice}/crio-${a}.scope`, [600]),
          cgroup(`${podSlice}/crio-${b}.scope`, [700]),
          cgroup(`${podSlice}/crio-conmon-${b}.scope`, [690]),
        ],
        processes: [
          conmon(590, a, 'POD'),
          process({ pid: 600, ppid: 590, namespaces: own }),
          conmon(690, b, 'redis'),
          process({ pid: 700, ppid: 690, namespaces: own }),
        ],
      }),
    )
    const pod = { runtime: 'cri-o', pod_uid: uid, pod_name: 'sessions-0', pod_namespace: 'payments' }
    expect(rows).toMatchObject([
      { id: a, kind: 'sandbox', name: 'sessions-0', ...pod },
      { id: b, kind: 'container', name: 'redis', processes: 1, ...pod },
    ])
  })

  it("are CRI-O's, ended, from its storage", () => {
    const run = '/run/containers/storage/overlay-containers'
    const lib = '/var/lib/containers/storage/overlay-containers'
    const metadata = { 'pod-name': 'sessions-0', 'pod-id': a, 'image-name': 'redis:7', 'metadata-name': 'redis' }
    // Newer ones call the pod by its long name, and one that shares the node's network privileged.
    const ofPod = {
      ...{ ...metadata, 'metadata-name': 'sessions-0', 'pod-name': `k8s_sessions-0_payments_${uid}_0` },
      ...{ uid, namespace: 'payments', pod: true, privileged: true },
    }
    const name = (container: string) => `k8s_${container}_sessions-0_payments_${uid}_0`
    const files = new FakeFiles({
      [`${run}/volatile-containers.json`]: JSON.stringify([
        { id: a, names: [name('POD')], metadata: JSON.stringify(ofPod) },
        { id: b, names: [name('redis')], metadata: JSON.stringify({ ...metadata, privileged: true }) },
      ]),
      [`${lib}/${b}/userdata/state.json`]: JSON.stringify({
        ...{ ociVersion: '1.0.2', id: b, status: 'stopped', created: '2026-11-23T12:00:00Z', exitCode: 3 },
        ...{ started: '2026-11-23T12:00:01.5Z', finished: '2026-11-23T12:00:02Z' },
      }),
    })
    const { rows, warnings } = buildContainers(evidence({ files }))
    const pod = { runtime: 'cri-o', pod_uid: uid, pod_name: 'sessions-0', pod_namespace: 'payments' }
    expect(warnings).toEqual([])
    expect(rows).toMatchObject([
      { id: a, kind: 'sandbox', name: 'sessions-0', state: null, privileged: null, ...pod },
      {
        ...{ id: b, kind: 'container', name: 'redis', image: 'redis:7', state: 'exited', privileged: true, ...pod },
        started: '2026-11-23T12:00:01.500000Z',
      },
    ])
  })

  it('nest: the inner one tells the outer, and its processes are counted in both', () => {
    const path = `/docker/${a}/kubelet/kubepods/besteffort/pod${uid}/${b}`
    const processes = [process({ pid: 600 }), process({ pid: 700, ppid: 600 })]
    const { rows } = buildContainers(
      evidence({ cgroups: [cgroup(`/docker/${a}`, [600]), cgroup(path, [700])], processes }),
    )
    expect(rows).toMatchObject([
      { id: a, parent: null, runtime: 'docker', processes: 2, init_pid: 600, pod_uid: null },
      { id: b, parent: a, processes: 1, init_pid: 700, pod_uid: uid },
    ])
  })

  it('are one row over all hierarchies of cgroup v1', () => {
    const hierarchies = ['memory', 'pids', 'cpu,cpuacct', 'name=systemd']
    const cgroups = hierarchies.map((hierarchy, index) => ({
      ...{ path: `/docker/${a}`, hierarchy, pids: index === 0 ? [600] : [600, 601], frozen: null },
    }))
    const { rows } = buildContainers(
      evidence({ cgroups, processes: [process({ pid: 600 }), process({ pid: 601, ppid: 600 })] }),
    )
    expect(rows).toMatchObject([{ id: a, runtime: 'docker', processes: 2, state: 'running' }])
  })

  it('are build steps too', () => {
    const cgroups = [cgroup('/system.slice:docker:k2o3zr8p7wq0v1u5t6s9xyabc', [600])]
    const { rows } = buildContainers(evidence({ cgroups, processes: [process({ pid: 600, namespaces: own })] }))
    expect(rows).toMatchObject([{ kind: 'build', runtime: 'docker', state: 'running' }])
  })

  it('have the host network where they have its namespace', () => {
    const cgroups = [cgroup(`/docker/${a}`, [600])]
    const processes = [process({ pid: 600, namespaces: { ...own, net: hostNamespaces.net } })]
    const { rows } = buildContainers(evidence({ cgroups, processes }))
    expect(rows[0]?.networks).toEqual([{ name: 'host', interface: null, address: null }])
  })

  it("are containerd's in a namespace of the user's own, told by their shims", () => {
    const { rows, warnings } = buildContainers(
      evidence({
        cgroups: [cgroup('/lab/limited', [700]), cgroup('/lab/other', [800])],
        processes: [shim(690, 'lab', 'limited'), process({ pid: 700, ppid: 690, namespaces: own })],
      }),
    )
    expect(rows).toMatchObject([
      { id: 'limited', runtime: 'containerd', state: 'running', init_pid: 700, processes: 1 },
    ])
    expect(warnings).toEqual([])
  })

  it.each([
    [
      'runc',
      'state.json',
      '/run/runc/demo/state.json',
      { init_process_pid: 700, cgroup_paths: { '': '/sys/fs/cgroup/run/demo' } },
    ],
    [
      'runc',
      'state.json',
      '/run/runc/demo/state.json',
      { init_process_pid: 700, cgroup_paths: { pids: '/sys/fs/cgroup/pids/run/demo' } },
    ],
    ['crun', 'crun status', '/run/crun/demo/status', { pid: 700, 'cgroup-path': '/run/demo' }],
    [
      'crun',
      'crun status',
      '/run/user/1000/crun/demo/status',
      { pid: 700, 'cgroup-path': '/user.slice/user-1000.slice/demo' },
    ],
  ])('are of %s alone, whose %s is %s, in the cgroup that it names', (runtime, source, path, state) => {
    const at = path.startsWith('/run/user') ? '/user.slice/user-1000.slice' : '/run'

    const files = new FakeFiles({ [path]: JSON.stringify(state) })
    const cgroups = [cgroup(at, [650]), cgroup(`${at}/demo`, []), cgroup(`${at}/demo/inner`, [700])]
    const { rows, warnings } = buildContainers(
      evidence({ cgroups, processes: [process({ pid: 700, ppid: 690, namespaces: own })], files }),
    )
    expect(rows).toMatchObject([
      {
        ...{ id: 'demo', runtime, state: 'running', init_pid: 700, processes: 1 },
        sources: { runtime: source, processes: 'declared cgroup path' },
      },
    ])
    expect(warnings).toEqual([])
  })

  it('are declared in the folder that runc was told, where no engine has a declaration of them', () => {
    const labels = ['bundle=/srv/demo']
    const state = { init_process_pid: 700, cgroup_paths: { '': '/sys/fs/cgroup/demo' }, config: { labels } }
    const files = new FakeFiles({
      '/run/runc/demo/state.json': JSON.stringify(state),
      '/srv/demo/config.json': spec({ hostname: 'demo' }),
    })
    const processes = [process({ pid: 700, ppid: 690, namespaces: own })]
    const { declarations } = buildContainers(evidence({ cgroups: [cgroup('/demo', [700])], processes, files }))
    expect(declarations.get('demo')).toMatchObject({ source: 'OCI config.json', spec: { hostname: 'demo' } })
  })

  it('are of the engine above their runtime where anything tells of one', () => {
    const status = { [`/run/crun/${a}/status`]: JSON.stringify({ pid: 700, 'cgroup-path': `/crun-${a}.scope` }) }
    const conmon = process({ pid: 600, comm: 'conmon', args: ['conmon', '-c', a, '-n', 'web', '-u', a] })
    const first = process({ pid: 700, ppid: 600, namespaces: own })
    const cgroups = [cgroup(`/system.slice/crun-${a}.scope`, [700])]
    const runtimeOf = (processes: ReturnType<typeof process>[]) =>
      buildContainers(evidence({ cgroups, processes, files: new FakeFiles(status) })).rows.map(
        ({ runtime, sources }) => [runtime, sources.runtime],
      )
    expect(runtimeOf([conmon, first])).toEqual([['podman', 'conmon arguments']])
    expect(runtimeOf([first])).toEqual([['crun', 'cgroup path']])
  })

  it('run in the cgroup of who started them, and take in nobody else there', () => {
    const state = {
      init_process_pid: 700,
      created: '2026-11-23T12:00:00.4Z',
      cgroup_paths: { '': '/sys/fs/cgroup/user.slice' },
    }
    const files = new FakeFiles({ '/run/runc/demo/state.json': JSON.stringify(state) })
    const cgroups = [cgroup('/user.slice', [650, 700])]
    const processes = [process({ pid: 650 }), process({ pid: 700, ppid: 690, namespaces: own })]
    const { rows, warnings } = buildContainers(evidence({ cgroups, processes, files }))
    expect(rows).toMatchObject([{ id: 'demo', state: 'running', init_pid: 700, processes: 0 }])
    expect(warnings).toMatchObject([{ code: 'disagree', column: 'processes' }])
    const reused = [process({ pid: 700, ppid: 690, started: '2026-11-23T13:00:00.000000Z' })]
    expect(buildContainers(evidence({ cgroups, processes: reused, files })).rows).toMatchObject([
      { id: 'demo', state: 'exited', init_pid: null },
    ])
  })

  it("count a user's word only for what is in the user's slice", () => {
    const rows = (path: string) => {
      const state = { init_process_pid: 700, cgroup_paths: { '': `/sys/fs/cgroup${path}` } }
      const files = new FakeFiles({ '/run/user/1000/runc/init/state.json': JSON.stringify(state) })
      return buildContainers(evidence({ cgroups: [cgroup(path, [700])], processes: [process({ pid: 700 })], files }))
        .rows
    }
    expect(rows('/init')).toMatchObject([{ id: 'init', processes: 0, init_pid: null }])
    expect(rows('/user.slice/user-1000.slice/init')).toMatchObject([{ id: 'init', processes: 1, init_pid: 700 }])
  })
})
