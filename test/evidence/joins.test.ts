/** Each join with what it finds and with the look-alike that it must not find, on memory that is made by hand. */

import { expect, test } from 'vitest'
import { OpenFile } from '../../dist/src/engine/evidence-file.js'
import { joinEvidence, type MemoryTables } from '../../dist/src/evidence/join.js'
import type { Warning } from '../../dist/src/warning.js'
import { evidenceFile, tar, written } from './files.js'

const nothing: MemoryTables = {
  containers: [],
  pods: [],
  processes: [],
  keys: [],
  sockets: [],
  programs: [],
  tracked: [],
  interfaces: [],
}

const container = (id: string, name: string, more: object = {}) => ({
  id: id.padEnd(64, '0'),
  name,
  kind: 'container',
  runtime: 'docker',
  image: 'web:1',
  state: 'running',
  init_pid: 10,
  started: '2026-11-23T12:00:00.000000Z',
  pod_uid: null,
  pod_name: null,
  pod_namespace: null,
  ...more,
})
const pod = (uid: string, name: string, more: object = {}) => ({
  uid,
  name,
  namespace: 'shop',
  node: 'n1',
  state: 'running',
  sandbox: null,
  started: null,
  labels: { app: name },
  ...more,
})
const process = (pid: number, ppid: number, args: string[], more: object = {}) => ({
  pid,
  ppid,
  comm: args[0] ?? '',
  args,
  exe: `/bin/${args[0]}`,
  state: 'S',
  started: '2026-11-23T12:01:00.500000Z',
  container: null as string | null,
  mnt_ns: 1,
  ...more,
})
const socket = (local: string, remote: string, more: object = {}) => {
  const [local_address = '', local_port] = local.split(' ')
  const [remote_address = '', remote_port] = remote.split(' ')
  return {
    pid: 20,
    comm: 'web',
    container: null as string | null,
    net_ns: 1,
    family: 'inet',
    protocol: 'tcp',
    state: 'ESTABLISHED',
    local_address,
    local_port: Number(local_port),
    remote_address,
    remote_port: Number(remote_port),
    remote_pid: null,
    ...more,
  }
}

async function joined(tables: Partial<MemoryTables>, ...contents: (string | object)[]) {
  const texts = contents.map((content) => (typeof content === 'string' ? content : JSON.stringify(content)))
  const files = texts.map((text) => new OpenFile(text.startsWith('/') ? text : written(text)))
  const warnings: Warning[] = []
  const rows = []
  for await (const row of joinEvidence(files, { ...nothing, ...tables }, (warning) => warnings.push(warning)))
    rows.push(row)
  for (const file of files) file.close()
  const told = rows.filter(({ kind }) => kind !== 'file')
  return { rows: told, warnings, told: told.map(({ kind, subject, state }) => `${kind} ${subject}: ${state}`) }
}

const ps = (...names: [id: string, name: string, state: string][]) =>
  names.map(([ID, Names, State]) => `${JSON.stringify({ ID, Names, State, Status: 'Up', Image: 'web:1' })}\n`).join('')

test('containers that docker ps shows, that it does not show, and that are gone', async () => {
  const containers = [
    container('a'.repeat(12), 'web'),
    container('b'.repeat(12), 'hidden'),
    container('c'.repeat(12), 'old', { state: 'exited' }),
    container('d'.repeat(12), 'of a pod', { runtime: 'containerd', pod_uid: 'u' }),
  ]
  const listed = ps(
    ['a'.repeat(12), 'web', 'running'],
    ['e'.repeat(12), 'gone', 'running'],
    ['f'.repeat(12), 'over', 'exited'],
  )
  const { told, rows } = await joined({ containers }, listed)
  expect(told).toEqual([
    'container web: both',
    'container gone: evidence only',
    'container over: evidence only',
    'container hidden: memory only',
  ])
  expect(rows[3]).toMatchObject({ detail: { whole_list: true }, container: 'b'.repeat(12).padEnd(64, '0') })
  // One container that was asked for is no list.
  const inspected = [
    { Id: 'a'.repeat(12).padEnd(64, '0'), Name: '/web', State: { Status: 'running', Running: true }, Config: {} },
  ]
  expect((await joined({ containers }, inspected)).told).toEqual(['container web: both'])
})

test('a container that is listed as running and has ended in memory is only in the list', async () => {
  const containers = [container('a'.repeat(12), 'web', { state: 'exited' })]
  const { told } = await joined({ containers }, ps(['a'.repeat(12), 'web', 'running']))
  expect(told).toEqual(['container web: evidence only'])
})

test('the container of a checkpoint archive is in memory, or is not, and of others it says nothing', async () => {
  const archive = (id: string) =>
    written(
      tar({
        'spec.dump': JSON.stringify({ annotations: {} }),
        'config.dump': JSON.stringify({ id: id.padEnd(64, '0'), name: 'web', rootfsImageName: 'web:1' }),
      }),
    )
  const containers = [container('a'.repeat(12), 'web'), container('b'.repeat(12), 'other')]
  expect((await joined({ containers }, archive('a'.repeat(12)))).told).toEqual(['container web: both'])
  const gone = await joined({ containers }, archive('c'.repeat(12)))
  expect(gone.told).toEqual(['container web: evidence only'])
  expect(gone.rows).toMatchObject([{ pid: null, container: null }])
})

const apiPod = (uid: string, name: string, node: string, more: object = {}) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { uid, name, namespace: 'shop', ...more },
  spec: { nodeName: node },
  status: {
    phase: 'Running',
    containerStatuses: [
      { name: 'c', containerID: `containerd://${uid.repeat(64).slice(0, 64)}`, state: { running: {} } },
    ],
  },
})
const list = (...items: object[]) => ({ kind: 'List', apiVersion: 'v1', items })

test('pods of this node that the API has, that it has not, and that are not here', async () => {
  const inPod = { runtime: 'containerd', pod_namespace: 'shop' }
  const containers = [
    container('1'.repeat(64), 'c', { ...inPod, pod_uid: '1', pod_name: 'web' }),
    container('9'.repeat(64), 'slipped in', { ...inPod, pod_uid: '1', pod_name: 'web' }),
    container('2'.repeat(64), 'c', { ...inPod, pod_uid: '2', pod_name: 'ghost' }),
  ]
  const pods = [
    pod('1', 'web'),
    pod('2', 'ghost'),
    pod('hash', 'static'),
    pod('4', 'other', { namespace: 'elsewhere' }),
  ]
  const api = list(
    apiPod('1', 'web', 'n1'),
    apiPod('3', 'missing', 'n1'),
    apiPod('5', 'far', 'n2'),
    apiPod('6', 'static', 'n1', { annotations: { 'kubernetes.io/config.hash': 'hash' } }),
  )
  const { told } = await joined({ containers, pods }, api)
  expect(told).toEqual([
    'pod shop/web: both',
    'container c: both',
    'pod shop/missing: evidence only',
    'container c: evidence only',
    'pod shop/static: both',
    'container c: evidence only',
    // Not elsewhere/other: the list is of one namespace.
    'pod shop/ghost: memory only',
    'container slipped in: memory only',
  ])
})

const TOOLBOX = 'daeee0b6d80e12d822fe1057937ee2ecb41a8672fd5dca80202df991e147ac76'
const toolbox = container(TOOLBOX, 'toolbox', { pod_uid: 'u', pod_name: 'net-debug', pod_namespace: 'default' })
const inToolbox = { container: TOOLBOX }
/** The runtime itself, and one that only has its name. */
const runtimes = [15, 16].map((pid) => ({
  ...{ pid, size: 90, sealed: null, compared: null },
  ...(pid === 15 ? { copy_of: '/usr/sbin/runc', same_file: true } : { copy_of: null, same_file: false }),
}))
const toolboxProcesses = [
  process(1, 0, ['init']),
  process(5, 1, ['containerd-shim-runc-v2']),
  process(10, 5, ['bash'], inToolbox),
  process(11, 5, ['/bin/bash'], { ...inToolbox, started: '2026-11-23T22:02:27.465341Z' }),
  process(12, 11, ['curl'], { ...inToolbox, started: '2026-11-23T22:02:28.000000Z' }),
  process(13, 5, ['/bin/bash'], { ...inToolbox, started: '2026-11-23T22:03:07.100098Z' }),
  process(14, 5, ['/bin/sh'], { ...inToolbox, started: '2026-11-23T23:00:00.000000Z' }),
  process(15, 5, ['runc', 'init'], { ...inToolbox, started: '2026-11-23T22:03:08.000000Z' }),
  process(16, 5, ['runc', 'init'], { ...inToolbox, started: '2026-11-23T22:03:08.000000Z' }),
]

test('an exec of the audit log is matched to the process that it started, and the others are told', async () => {
  const { rows, warnings } = await joined(
    { containers: [toolbox], processes: toolboxProcesses, programs: runtimes },
    evidenceFile('audit.log'),
  )
  expect(rows).toMatchObject([
    { state: 'both', subject: 'kubernetes-admin', pid: 11, pod: 'default/net-debug', detail: { from: '203.0.113.9' } },
    // Neither 14, at whose start the log had ended, nor 12, which is below another, nor the runtime.
    { state: 'memory only', pid: 13, detail: { execs_logged: 2 } },
    { state: 'memory only', pid: 16 },
  ])
  expect(warnings).toMatchObject([{ code: 'malformed', count: 1 }])
})

test('an exec without a process in its time is only in the log, and one of another host is left out', async () => {
  const processes = toolboxProcesses.filter(({ pid }) => ![11, 13, 16].includes(pid))
  const { told } = await joined({ containers: [toolbox], processes, programs: runtimes }, evidenceFile('audit.log'))
  expect(told).toEqual(['exec kubernetes-admin: evidence only'])
})

const KEY = 'AKIAIOSFODNN7EXAMPLE'
const call = (accessKeyId: string, eventName: string, eventTime = '2026-11-23T22:02:30Z') => ({
  eventVersion: '1.11',
  userIdentity: { accessKeyId },
  eventTime,
  eventSource: 'sts.amazonaws.com',
  eventName,
  sourceIPAddress: '198.51.100.7',
})
const held = {
  kind: 'aws-access-key',
  owner_account: KEY,
  pid: 20,
  comm: 'web',
  container: null,
  where: 'environment',
  path: null,
}

test('an access key in memory is matched to the calls with it', async () => {
  const trail = { Records: [call(KEY, 'A', '2026-11-23T22:02:31Z'), call(KEY, 'A'), call('ASIAAAAAAAAAAAAAAAAA', 'B')] }
  const keys = [held, { ...held, pid: 21 }, { ...held, kind: 'jwt', owner_account: 'x/y' }]
  const { rows } = await joined({ keys }, trail)
  expect(rows).toMatchObject([
    {
      subject: KEY,
      state: 'both',
      pid: 20,
      time: '2026-11-23T22:02:31.000000Z',
      detail: { calls: 2, holders: [20, 21] },
    },
    { subject: 'ASIAAAAAAAAAAAAAAAAA', state: 'evidence only', pid: null },
  ])
  const other = await joined({ keys }, { Records: [call('ASIAAAAAAAAAAAAAAAAA', 'B')] })
  expect(other.told).toEqual(['key-use ASIAAAAAAAAAAAAAAAAA: evidence only', `key-use ${KEY}: memory only`])
  // Without CloudTrail nothing is said of keys.
  expect((await joined({ keys }, '10.0.0.0/8 *')).rows).toEqual([])
})

const flow = (source: string, target: string, ports = '40000 443') =>
  `2 123456789012 eni-0a1b2c3d4e5f60718 ${source} ${target} ${ports} 6 10 840 1795471300 1795471360 ACCEPT OK`

test('flows are matched to connections in either direction, also where an address was translated', async () => {
  const sockets = [
    socket('10.0.0.5 40000', '198.51.100.7 443'),
    socket('::ffff:10.0.0.5 40001', '::ffff:198.51.100.7 443'),
  ]
  const tracked = [
    {
      protocol: 'tcp',
      source: '10.42.0.2',
      source_port: 50_000,
      destination: '203.0.113.1',
      destination_port: 443,
      reply_source: '203.0.113.1',
      reply_source_port: 443,
      reply_destination: '10.0.0.5',
      reply_destination_port: 61_000,
      source_container: null,
      target_container: null,
    },
  ]
  const interfaces = [{ net_ns: 1, container: null, addresses: ['10.0.0.5/24', '127.0.0.1/8'] }]
  const flows = [
    flow('10.0.0.5', '198.51.100.7'),
    flow('198.51.100.7', '10.0.0.5', '443 40000'),
    flow('10.0.0.5', '198.51.100.7', '40001 443'),
    flow('10.0.0.5', '203.0.113.1', '61000 443'),
    flow('10.0.0.5', '192.0.2.9', '40000 22'),
    flow('10.0.0.5', '192.0.2.9', '40001 22'),
    flow('10.9.9.9', '192.0.2.9'),
  ]
  const { rows, told } = await joined({ sockets, tracked, interfaces }, flows.join('\n'))
  expect(told).toEqual([
    'connection tcp 10.0.0.5:40000 → 198.51.100.7:443: both',
    'connection tcp 10.0.0.5:40001 → 198.51.100.7:443: both',
    'connection tcp 10.42.0.2:50000 → 203.0.113.1:443: both',
    'connection tcp 10.0.0.5:40000 → 192.0.2.9:22: evidence only',
  ])
  expect(rows.map(({ detail }) => detail.flows)).toEqual([2, 1, 1, 2])
})

test('connections that an allow-list does not cover are told, both ways', async () => {
  const sockets = [
    socket('0.0.0.0 80', '0.0.0.0 0', { state: 'LISTEN' }),
    socket('10.0.0.5 40000', '198.51.100.7 443'),
    socket('10.0.0.5 40001', '10.0.0.9 6379'),
    socket('10.0.0.5 80', '203.0.113.4 51000'),
    socket('10.0.0.5 80', '10.0.0.8 51000'),
    socket('127.0.0.1 40002', '127.0.0.1 8080'),
    socket('10.0.0.5 1', '10.0.0.9 1', { protocol: 'icmp' }),
    socket('10.0.0.5 40003', '10.0.0.9 53', { protocol: 'udp' }),
  ]
  const { told } = await joined({ sockets }, '10.0.0.0/8 1-1000/tcp\n10.0.0.0/8 6379/tcp\n10.0.0.0/8 53/udp')
  expect(told).toEqual([
    'connection tcp 10.0.0.5:40000 → 198.51.100.7:443: memory only',
    'connection tcp 203.0.113.4:51000 → 10.0.0.5:80: memory only',
  ])
  expect((await joined({ sockets }, '0.0.0.0/0 *')).told).toEqual([])
  // Networks of IPv6 say nothing of IPv4.
  expect((await joined({ sockets }, '::/0 *')).told).toHaveLength(5)
})

test('a network policy is held against the pods that it chooses', async () => {
  const containers = [
    container('1'.repeat(64), 'c', { pod_uid: '1', pod_name: 'web', pod_namespace: 'shop' }),
    container('2'.repeat(64), 'c', { pod_uid: '2', pod_name: 'free', pod_namespace: 'shop' }),
  ]
  const pods = [pod('1', 'web'), pod('2', 'free')]
  const of = (id: string, to: string) => socket('10.42.0.2 40000', to, { container: id.repeat(64), net_ns: Number(id) })
  const policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p', namespace: 'shop' },
    spec: {
      podSelector: { matchLabels: { app: 'web' } },
      policyTypes: ['Egress'],
      egress: [{ to: [{ ipBlock: { cidr: '198.51.100.0/24', except: ['198.51.100.9/32'] } }], ports: [{ port: 443 }] }],
    },
  }
  const sockets = [
    of('1', '198.51.100.7 443'),
    of('1', '198.51.100.9 443'),
    of('1', '198.51.100.7 80'),
    of('2', '192.0.2.1 1'),
  ]
  const { rows } = await joined({ containers, pods, sockets }, policy)
  expect(rows.map(({ pod, detail }) => [pod, detail.address, detail.port])).toEqual([
    ['shop/web', '198.51.100.9', 443],
    ['shop/web', '198.51.100.7', 80],
  ])
})

test('what GuardDuty found is confirmed by process, connection, key or container, or is not', async () => {
  const found = (more: object, container?: string) => ({
    Type: 'Execution:Runtime/X',
    Severity: 8,
    Resource: { ResourceType: 'EKSCluster', ...(container ? { ContainerDetails: { Id: container } } : {}) },
    ...more,
  })
  const runs = (Pid: number, ExecutablePath: string) => ({
    Service: { RuntimeDetails: { Process: { Pid, ExecutablePath } } },
  })
  const talks = (IpAddressV4: string, Port: number) => ({
    Service: { Action: { NetworkConnectionAction: { RemoteIpDetails: { IpAddressV4 }, RemotePortDetails: { Port } } } },
  })
  const processes = [process(11, 5, ['xmrig'], { exe: '/tmp/xmrig (deleted)', container: TOOLBOX })]
  const sockets = [socket('10.0.0.5 40000', '198.51.100.7 3333', { pid: 11 })]
  const { rows } = await joined(
    { containers: [toolbox], processes, sockets, keys: [held] },
    {
      Findings: [
        found(runs(11, '/tmp/xmrig'), TOOLBOX),
        found(talks('198.51.100.7', 3333)),
        found({ Resource: { ResourceType: 'AccessKey', AccessKeyDetails: { AccessKeyId: KEY } } }),
        found(runs(11, '/bin/sh'), TOOLBOX),
        found(runs(11, '/bin/sh')),
        found(talks('198.51.100.7', 3334)),
      ],
    },
  )
  expect(rows.map(({ state, detail }) => [state, detail.seen])).toEqual([
    ['both', 'process'],
    ['both', 'connection'],
    ['both', 'access key'],
    ['both', 'container'],
    ['evidence only', undefined],
    ['evidence only', undefined],
  ])
})

test('rows of memory that have nothing but nulls break no join', async () => {
  const blank = <T extends object>(one: T) => Object.fromEntries(Object.keys(one).map((name) => [name, null])) as T
  const tracked = {
    protocol: null,
    source: null,
    source_port: null,
    destination: null,
    destination_port: null,
  } as never
  const tables = {
    containers: [blank(toolbox)],
    pods: [blank(pod('1', 'x'))],
    processes: [blank(process(1, 1, ['x']))],
    keys: [blank(held)],
    sockets: [blank(socket('a 1', 'b 2'))],
    tracked: [{ ...(tracked as object), reply_source: null, reply_destination: null } as never],
    interfaces: [{ net_ns: null, container: null, addresses: null }],
  }
  const all = ['audit.log', 'kubectl-pods.json', 'docker-ps.ndjson', 'crictl-pods.json', 'crictl-ps.json'].map(
    evidenceFile,
  )
  const { rows } = await joined(
    tables,
    ...all,
    { Records: [call(KEY, 'A')] },
    flow('1.2.3.4', '5.6.7.8'),
    '10.0.0.0/8 *',
  )
  expect(rows.length).toBeGreaterThan(0)
})

test('each file has a row that says what it was taken for', async () => {
  const files = [evidenceFile('kubectl-pods.json'), written('nothing')].map((path) => new OpenFile(path))
  const rows = []
  for await (const row of joinEvidence(files, nothing, () => {})) if (row.kind === 'file') rows.push(row)
  for (const file of files) file.close()
  expect(rows).toMatchObject([{ subject: 'kubectl get', detail: { records: { listing: 1, pod: 3 } } }])
})
