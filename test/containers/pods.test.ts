import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { buildContainers } from '../../src/containers/containers.js'
import { parseFlags } from '../../src/containers/flags.js'
import { parseJwt, serviceAccountOf } from '../../src/containers/jwt.js'
import { manifestName, yamlScalar } from '../../src/containers/kubelet.js'
import { readApplied, rolesOf } from '../../src/containers/pod-containers.js'
import { buildPods, type PodRow } from '../../src/containers/pod-rows.js'
import { FakeFiles } from './cached-files.js'
import { cgroup, evidence, hostNamespaces, own, process, spec } from './evidence.js'

const uid = '4fd2c44f-52cb-42a7-a7e4-ea5a520915e0'
const [pause, app] = ['a'.repeat(64), 'b'.repeat(64)]

type Tree = ConstructorParameters<typeof FakeFiles>[0]

function podsOf(of: Parameters<typeof evidence>[0], tree: Tree): PodRow[] {
  const files = new FakeFiles(tree)
  const given = evidence({ ...of, files })
  const { rows, declared } = buildContainers(given)
  return buildPods({ ...given, rows, declared, files }).rows
}

function token(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256', kid: 'k' })}.${part(claims)}.${'s'.repeat(86)}`
}

const bound = (pod_uid: string) => ({
  aud: ['https://kubernetes.default.svc'],
  exp: 1795475000,
  sub: 'system:serviceaccount:shop:reader',
  'kubernetes.io': {
    namespace: 'shop',
    node: { name: 'node-7' },
    pod: { name: 'web', uid: pod_uid },
    serviceaccount: { name: 'reader' },
  },
})

describe('a pod', () => {
  const bundles = '/run/containerd/io.containerd.runtime.v2.task/k8s.io'
  const kubelet = `/var/lib/kubelet/pods/${uid}`
  const slice = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${uid.replaceAll('-', '_')}.slice`
  const annotations = (type: string) => ({
    'io.kubernetes.cri.container-type': type,
    'io.kubernetes.cri.sandbox-id': pause,
    'io.kubernetes.cri.sandbox-name': 'web',
    'io.kubernetes.cri.sandbox-namespace': 'shop',
    ...(type === 'container' ? { 'io.kubernetes.cri.container-name': 'app' } : {}),
  })
  const bind = (source: string, destination: string) => ({
    source,
    destination,
    type: 'bind',
    options: ['rbind', 'ro'],
  })
  const mounts = [
    bind(`${kubelet}/volumes/kubernetes.io~csi/pvc-1/mount`, '/data'),
    bind(`${kubelet}/volumes/kubernetes.io~projected/access`, '/var/run/secrets/kubernetes.io/serviceaccount'),
    bind(`${kubelet}/etc-hosts`, '/etc/hosts'),
    bind(`${kubelet}/containers/app/0a1b2c3d`, '/dev/termination-log'),
    bind(`/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/${pause}/hostname`, '/etc/hostname'),
    bind('/var/log', '/host/log'),
  ]
  const tree = {
    [`${bundles}/${pause}/config.json`]: spec({ annotations: annotations('sandbox') }),
    [`${bundles}/${app}/config.json`]: spec({ annotations: annotations('container'), mounts }),
    [`${kubelet}/volumes/kubernetes.io~csi/pvc-1/vol_data.json`]:
      '{"driverName":"ebs.csi.aws.com","volumeLifecycleMode":"Persistent"}',
    [`${kubelet}/volumes/kubernetes.io~projected/access/token`]: token(bound(uid)),
    [`${kubelet}/volumes/kubernetes.io~downward-api/info`]: null,
    [`/var/log/pods/shop_web_${uid}/app/3.log`]: '',
    [`/var/log/pods/shop_web_${uid}/warm-up/0.log`]: '',
  }
  const sandbox = process({
    pid: 50,
    args: ['/pause'],
    container: pause,
    namespaces: { ...own, net: hostNamespaces.net },
  })
  const first = process({ pid: 60, container: app, namespaces: { ...own, net: hostNamespaces.net } })
  const [row, ...others] = podsOf(
    {
      cgroups: [
        cgroup(`${slice}/cri-containerd-${pause}.scope`, [50]),
        cgroup(`${slice}/cri-containerd-${app}.scope`, [60]),
      ],
      processes: [
        sandbox,
        first,
        process({ pid: 20, comm: 'kubelet', args: ['/usr/bin/kubelet', '--node-ip', '10.0.0.7'] }),
      ],
      mounts: new Map([[60, [{ root: '/', mountpoint: '/data', fstype: 'ext4', source: '/dev/nvme1n1' }]]]),
    },
    tree,
  )

  test('is one row of all that its containers, its directories and its token tell', () => {
    expect(others).toEqual([])
    expect(row).toMatchObject({
      ...{ uid, name: 'web', namespace: 'shop', node: 'node-7', service_account: 'reader', qos: 'Burstable' },
      ...{ state: 'running', sandbox: pause, static: false, manifest: null, ips: ['10.0.0.7'] },
      ...{ host_network: true, host_pid: false, restarts: { app: 3, 'warm-up': 0 } },
      // What `warm-up` was for nothing tells.
      ...{ containers: ['app', 'warm-up'], init_containers: [], ephemeral_containers: [] },
    })
  })

  test('has volumes of each kind, and not what is made for every container', () => {
    expect(row?.volumes.map(({ name, kind, device, driver }) => [name, kind, device, driver])).toEqual([
      ['pvc-1', 'pvc', '/dev/nvme1n1', 'ebs.csi.aws.com'],
      ['info', 'downwardAPI', null, null],
      ['access', 'projected', null, null],
      [null, 'hostPath', null, null],
    ])
  })

  test('has no account by a token for another', () => {
    const path = `${kubelet}/volumes/kubernetes.io~projected/access/token`
    const [stolen] = podsOf({}, { [path]: token(bound('another')) })
    expect(stolen).toMatchObject({ uid, service_account: null, state: null, sources: { uid: "kubelet's directory" } })
  })

  test('of a manifest is static', () => {
    const hash = 'c'.repeat(32)
    const files = {
      '/etc/kubernetes/manifests/x.yaml': 'metadata:\n  name: etcd\nspec: {}\n',
      [`/var/log/pods/kube-system_etcd-node-7_${hash}/etcd/0.log`]: '',
    }
    const processes = [process({ pid: 20, args: ['/usr/bin/kubelet', '--hostname-override=node-7'] })]
    expect(podsOf({ processes }, files)).toMatchObject([
      { uid: hash, static: true, manifest: '/etc/kubernetes/manifests/x.yaml', sources: { static: 'form of its uid' } },
    ])
  })
})

describe('the roles of containers', () => {
  const container = (name: string, created: number, finished: number | null, of = {}) => ({
    name,
    attempt: 0,
    created: `2026-11-23T12:00:0${created}.000000Z`,
    finished: finished === null ? null : `2026-11-23T12:00:0${finished}.000000Z`,
    exit_code: finished === null ? null : 0,
    debugs: false,
    ...of,
  })
  const none = new Map<string, string>()

  it('are told by the order in which they ran', () => {
    const all = [container('a', 1, 2), container('b', 3, 4), container('c', 5, null), container('d', 6, null)]
    expect(rolesOf(all, none)).toMatchObject({ init_containers: ['a', 'b'], containers: ['c', 'd'] })
  })

  it.each([
    ['the only one', [container('a', 1, 2)]],
    ['ran beside another', [container('a', 1, 4), container('b', 3, null)]],
    ['failed', [container('a', 1, 2, { exit_code: 1 }), container('b', 3, null)]],
    ['is before one that was made again', [container('a', 1, 2), container('b', 3, null, { attempt: 2 })]],
    ['is beside one of which nothing is known', [container('a', 1, 2), container('b', 3, null, { created: null })]],
  ])('are not told of one that %s', (_, all) => {
    expect(rolesOf(all, none).init_containers).toEqual([])
  })

  it('are told by a declaration and by whose processes one sees', () => {
    const declared = {
      kind: 'Pod',
      spec: { initContainers: [{ name: 'a' }], volumes: [{ name: 'v', hostPath: { path: '/' } }] },
    }
    const annotation = 'kubectl.kubernetes.io/last-applied-configuration'
    const all = [container('a', 1, null), container('b', 2, null), container('c', 3, null, { debugs: true })]
    expect(rolesOf(all, new Map([[annotation, JSON.stringify(declared)]]))).toEqual({
      ...{ init_containers: ['a'], containers: ['b'], ephemeral_containers: ['c'] },
      source: 'last-applied-configuration',
    })
    expect(readApplied(JSON.stringify(declared))?.host_paths).toEqual(new Map([['/', 'v']]))
    for (const no of [null, '{', '{"kind":"Deployment","spec":{"x":1}}', '[]']) expect(readApplied(no)).toBeNull()
  })
})

describe('what the kubelet reads', () => {
  it('is flags, scalars and names of manifests', () => {
    expect(parseFlags(['kubelet', '--a=1', '--b', '2', '--c', '--d=', 'x'])).toEqual(
      new Map([
        ['a', '1'],
        ['b', '2'],
        ['c', 'true'],
        ['d', ''],
      ]),
    )
    expect(yamlScalar('kind: X\nstaticPodPath: "/m"\n', 'staticPodPath')).toBe('/m')
    expect(yamlScalar('a:\n  staticPodPath: /m\n', 'staticPodPath')).toBeNull()
    for (const document of [
      'metadata: {labels: {}, name: web, namespace: x}\n',
      "apiVersion: v1\nmetadata:\n  namespace: x\n  name: 'web'\n",
      '{"metadata":{"name":"web"}}',
    ]) {
      expect(manifestName(document)).toBe('web')
    }
    for (const document of ['', 'spec:\n  name: web\n', 'metadata:\nspec:\n  name: web\n', '{']) {
      expect(manifestName(document)).toBeNull()
    }
  })

  it('is never an exception', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.string()), (text, args) => {
        parseJwt(text)
        parseFlags(args)
        manifestName(text)
        manifestName(`metadata: {${text}`)
        readApplied(text)
      }),
    )
  })
})

describe('tokens', () => {
  it('of service accounts are decoded', () => {
    const jwt = parseJwt(token(bound(uid)))
    expect(jwt).toMatchObject({ algorithm: 'RS256', key_id: 'k', expires: '2026-11-23T23:03:20.000000Z' })
    expect(jwt && serviceAccountOf(jwt)).toEqual({
      ...{ namespace: 'shop', account: 'reader', pod: 'web', pod_uid: uid, node: 'node-7' },
    })
    const legacy = parseJwt(
      token({
        'kubernetes.io/serviceaccount/namespace': 'n',
        'kubernetes.io/serviceaccount/service-account.name': 'a',
      }),
    )
    expect(legacy && serviceAccountOf(legacy)).toMatchObject({ namespace: 'n', account: 'a', pod: null })
  })

  it('are nothing else', () => {
    const other = parseJwt(token({ sub: 'somebody' }))
    expect(other && serviceAccountOf(other)).toBeNull()
    for (const no of ['', 'a.b.c', `${token({})} `, 'eyJh.eyJh.', token({}).repeat(200)])
      expect(parseJwt(no)).toBeNull()
  })
})
