import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CgroupScope, parseCgroupPath } from '../../src/containers/cgroup-path.js'

const a = 'a'.repeat(64)
const b = '0123456789abcdef'.repeat(4)
const uid = '4fd2c44f-52cb-42a7-a7e4-ea5a520915e0'
const uidSlice = uid.replaceAll('-', '_')
const hash = 'cc2d0c493fa24fbfde33422190399853'
const none = { pod_uid: null, qos: null, task: null, namespace: null, guessed: false }

type Case = [what: string, path: string, chain: Partial<CgroupScope>[]]

const cases: Case[] = [
  ['root', '/', []],
  ['a service', '/system.slice/docker.service', []],
  ['a login', '/user.slice/user-1000.slice/session-2.scope', []],
  [
    'Kubernetes, cgroupfs, burstable',
    `/kubepods/burstable/pod${uid}/${a}`,
    [{ runtime: null, id: a, kind: 'container', pod_uid: uid, qos: 'burstable' }],
  ],
  ['Kubernetes, cgroupfs, guaranteed', `/kubepods/pod${uid}/${a}`, [{ id: a, pod_uid: uid, qos: 'guaranteed' }]],
  [
    'Kubernetes, cgroupfs, CRI-O',
    `/kubepods/besteffort/pod${uid}/crio-${a}`,
    [{ runtime: 'cri-o', id: a, kind: 'container', pod_uid: uid, qos: 'besteffort' }],
  ],
  [
    'Kubernetes, systemd, containerd',
    `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${uidSlice}.slice/cri-containerd-${a}.scope`,
    [{ runtime: 'containerd', id: a, kind: 'container', pod_uid: uid, qos: 'besteffort' }],
  ],
  [
    'Kubernetes, systemd, guaranteed',
    `/kubepods.slice/kubepods-pod${uidSlice}.slice/cri-containerd-${a}.scope`,
    [{ runtime: 'containerd', pod_uid: uid, qos: 'guaranteed' }],
  ],
  [
    'a static pod keeps its hash',
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${hash}.slice/cri-containerd-${a}.scope`,
    [{ pod_uid: hash, qos: 'burstable' }],
  ],
  [
    'cri-dockerd',
    `/kubepods.slice/kubepods-pod${uidSlice}.slice/docker-${a}.scope`,
    [{ runtime: 'docker', id: a, pod_uid: uid, qos: 'guaranteed' }],
  ],
  [
    'driver mismatch',
    `/kubepods-burstable-pod${uidSlice}.slice:cri-containerd:${a}`,
    [{ runtime: 'containerd', id: a, pod_uid: uid, qos: 'burstable' }],
  ],
  [
    'driver mismatch below a service',
    `/system.slice/containerd.service/kubepods-pod${uidSlice}.slice:cri-containerd:${a}`,
    [{ runtime: 'containerd', id: a, pod_uid: uid, qos: 'guaranteed' }],
  ],
  ['runc by hand', '/system.slice/runc-demo.scope', []],
  ['crun by hand', `/system.slice/crun-${a}.scope/container`, [{ runtime: 'crun', id: a, kind: 'container' }]],
  ['Docker, cgroupfs', `/docker/${a}`, [{ runtime: 'docker', id: a, kind: 'container', pod_uid: null, qos: null }]],
  ['Docker, systemd', `/system.slice/docker-${a}.scope`, [{ runtime: 'docker', id: a, kind: 'container' }]],
  ['nerdctl', `/system.slice/nerdctl-${a}.scope`, [{ runtime: 'nerdctl', id: a }]],
  ['podman', `/machine.slice/libpod-${a}.scope/container`, [{ runtime: 'podman', id: a, kind: 'container' }]],
  [
    'podman, rootless',
    `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${a}.scope/container`,
    [{ runtime: 'podman', id: a }],
  ],
  ['podman, cgroupfs', `/libpod_parent/libpod-${a}`, [{ runtime: 'podman', id: a }]],
  [
    'podman, in a pod',
    `/machine.slice/machine-libpod_pod_${b}.slice/libpod-${a}.scope`,
    [{ runtime: 'podman', id: a }],
  ],
  [
    'podman, split cgroups',
    `/system.slice/web.service/libpod-payload-${a}/libpod-${a}.scope`,
    [{ runtime: 'podman', id: a, kind: 'container' }],
  ],
  ['podman monitor', `/machine.slice/libpod-conmon-${a}.scope`, [{ runtime: 'podman', id: a, kind: 'monitor' }]],
  [
    'CRI-O monitor',
    `/kubepods.slice/kubepods-pod${uidSlice}.slice/crio-conmon-${a}.scope`,
    [{ runtime: 'cri-o', id: a, kind: 'monitor', pod_uid: uid }],
  ],
  [
    'CRI-O container',
    `/kubepods.slice/kubepods-pod${uidSlice}.slice/crio-${a}.scope`,
    [{ runtime: 'cri-o', id: a, kind: 'container', pod_uid: uid }],
  ],
  [
    'CRI-O sandbox',
    `/kubepods.slice/kubepods-pod${uidSlice}.slice/crio-${a}`,
    [{ runtime: 'cri-o', id: a, kind: 'sandbox', pod_uid: uid }],
  ],
  ["a container's mount", `/system.slice/run-docker-containers-${a}-mounts-shm.mount`, []],
  ['an overlay mount', `/system.slice/var-lib-docker-overlay2-${a}-merged.mount`, []],
  [
    'kind, cgroup v2',
    `/system.slice/docker-${a}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/` +
      `kubelet-kubepods-burstable-pod${uidSlice}.slice/cri-containerd-${b}.scope`,
    [
      { runtime: 'docker', id: a, pod_uid: null, qos: null },
      { runtime: 'containerd', id: b, pod_uid: uid, qos: 'burstable' },
    ],
  ],
  [
    'kind, cgroup v1',
    `/docker/${a}/kubelet/kubepods/besteffort/pod${uid}/${b}`,
    [
      { runtime: 'docker', id: a, pod_uid: null },
      { runtime: null, id: b, pod_uid: uid, qos: 'besteffort' },
    ],
  ],
  [
    'docker in docker in a pod',
    `/kubepods/burstable/pod${uid}/${a}/docker/${b}`,
    [
      { id: a, pod_uid: uid },
      { runtime: 'docker', id: b, pod_uid: null, qos: null },
    ],
  ],
  ['ECS, v1', `/ecs/${hash}/${a}`, [{ runtime: 'ecs', id: a, task: hash }]],
  ['ECS, older task id', `/ecs/${uid}/${a}`, [{ runtime: 'ecs', id: a, task: uid }]],
  ['ECS, Fargate', `/ecs/${hash}/${hash}-1234567890`, [{ runtime: 'ecs', id: `${hash}-1234567890`, task: hash }]],
  ['ECS, v2', `/ecstasks.slice/ecstasks-${hash}.slice/docker-${a}.scope`, [{ runtime: 'docker', id: a, task: hash }]],
  ['LXC', '/lxc/web01', [{ runtime: 'lxc', id: 'web01', kind: 'container' }]],
  ['LXC 4', '/lxc.payload.web01/system.slice/cron.service', [{ runtime: 'lxc', id: 'web01', kind: 'container' }]],
  ['LXC, systemd', '/lxc.payload/web01', [{ runtime: 'lxc', id: 'web01' }]],
  ['LXC monitor', '/lxc.monitor.web01', [{ runtime: 'lxc', id: 'web01', kind: 'monitor' }]],
  ['Actions job', `/actions_job/${a}`, [{ runtime: 'docker', id: a }]],
  ['build step', '/system.slice:docker:k2o3zr8p7wq0v1u5t6s9xyabc', [{ runtime: 'docker', kind: 'build' }]],
  ['build step, cgroupfs', '/docker/buildkit/k2o3zr8p7wq0v1u5t6s9xyabc', [{ runtime: 'docker', kind: 'build' }]],
  ['ctr', `/default/${a}`, [{ runtime: 'containerd', id: a, namespace: 'default' }]],
  ['ctr with a name', '/default/demo', [{ runtime: 'containerd', id: 'demo', namespace: 'default' }]],
  ['an id below any directory', `/jobs/${a}`, [{ runtime: 'containerd', id: a, namespace: null, guessed: true }]],
  [
    'systemd-nspawn',
    '/machine.slice/systemd-nspawn@web.service/payload/init.scope',
    [{ runtime: 'systemd-nspawn', id: 'web' }],
  ],
  [
    'systemd-nspawn by hand',
    '/machine.slice/machine-old\\x2dweb.scope/payload',
    [{ runtime: 'systemd-nspawn', id: 'old-web' }],
  ],
  ['systemd-nspawn itself', '/machine.slice/systemd-nspawn@web.service/supervisor', []],
  ['a virtual machine', '/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator', []],
  ["Kata's runtime", `/kata_overhead/${a}`, [{ id: a, kind: 'monitor' }]],
  ['a bare id somewhere', `/some/where/deep/${a}`, [{ runtime: null, id: a }]],
  ['an id too short', `/docker/${'a'.repeat(63)}`, []],
  ['an id too long', `/docker/${'a'.repeat(65)}`, []],
  ['a scope with more than an id', `/system.slice/docker-${a}.scope.evil`, []],
  ['no prototype as a parent', `/x/__proto__/${a}`, [{ runtime: null, id: a }]],
]

describe('parseCgroupPath', () => {
  it.each(cases)('%s', (_what, path, chain) => {
    const parsed = parseCgroupPath(path)
    expect(parsed.chain).toHaveLength(chain.length)
    for (const [index, scope] of chain.entries()) expect(parsed.chain[index]).toMatchObject(scope)
    expect(parsed.truncated).toBe(false)
  })

  it('gives every field of a scope', () => {
    expect(parseCgroupPath(`/docker/${a}`)).toEqual({
      chain: [{ runtime: 'docker', id: a, kind: 'container', ...none }],
      container: { runtime: 'docker', id: a, kind: 'container', ...none },
      pod_uid: null,
      qos: null,
      truncated: false,
    })
  })

  it('tells the pod of a path that ends there', () => {
    const slice = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${uidSlice}.slice`
    expect(parseCgroupPath(slice)).toMatchObject({ chain: [], container: null, pod_uid: uid, qos: 'burstable' })
    expect(parseCgroupPath(`/kubepods/pod${uid}`)).toMatchObject({ pod_uid: uid, qos: 'guaranteed' })
    expect(parseCgroupPath('/kubepods.slice')).toMatchObject({ pod_uid: null, qos: null })
  })

  it('tells the pod around a container that a pod started itself', () => {
    expect(parseCgroupPath(`/kubepods/burstable/pod${uid}/${a}/docker/${b}`)).toMatchObject({ pod_uid: uid })
  })

  it('does not take a monitor for the container it watches', () => {
    expect(parseCgroupPath(`/machine.slice/libpod-conmon-${a}.scope`).container).toBeNull()
    const nested = parseCgroupPath(`/docker/${a}/machine.slice/libpod-conmon-${b}.scope`)
    expect(nested.container?.id).toBe(a)
  })

  it('bounds what it reads and says so', () => {
    const deep = parseCgroupPath(Array.from({ length: 17 }, (_, index) => `/docker/${hexId(index)}`).join(''))
    expect(deep.chain).toHaveLength(16)
    expect(deep.truncated).toBe(true)
    expect(parseCgroupPath(`/${'x/'.repeat(10_000)}`).truncated).toBe(true)
  })

  const component = fc.oneof(
    fc.constantFrom('kubepods.slice', 'kubepods', 'burstable', 'docker', 'buildkit', 'ecs', 'lxc', '..', 'a:docker:b'),
    fc.constantFrom(`pod${uid}`, `kubepods-pod${uidSlice}.slice`, a, `docker-${b}.scope`, `crio-${a}`, `x:docker:${b}`),
    fc.string({ maxLength: 80 }),
    fc.string({ unit: 'binary', maxLength: 80 }),
  )

  it('never throws, stays bounded and finds only what is in the path', () => {
    fc.assert(
      fc.property(fc.array(component, { maxLength: 40 }), (components) => {
        const path = `/${components.join('/')}`
        const parsed = parseCgroupPath(path)
        expect(parsed.chain.length).toBeLessThanOrEqual(16)
        for (const scope of parsed.chain) {
          expect(path).toContain(scope.id)
          expect(scope.id.length).toBeLessThanOrEqual(128)
        }
        if (parsed.container) expect(parsed.chain).toContain(parsed.container)
        expect(parseCgroupPath(path)).toEqual(parsed)
      }),
    )
  })

  it('takes the same from a path whatever lies below the container', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z][a-z-]{0,20}\.service$/), (below) => {
        const path = `/kubepods/burstable/pod${uid}/${a}`
        expect(parseCgroupPath(`${path}/system.slice/${below}`).container).toEqual(parseCgroupPath(path).container)
      }),
    )
  })
})

function hexId(index: number): string {
  return index.toString(16).padStart(64, '0')
}
