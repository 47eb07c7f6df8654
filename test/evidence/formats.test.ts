/** Each format of evidence, told by its content, with what damage costs. */

import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { evidenceFile, readAll, tar, written } from './files.js'

const TOOLBOX = 'daeee0b6d80e12d822fe1057937ee2ecb41a8672fd5dca80202df991e147ac76'
const audit = readFileSync(evidenceFile('audit.log'), 'utf8').trim().split('\n')

/** After the schema of VPC flow logs, version 2. */
const FLOWS = [
  'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status',
  '2 123456789012 eni-0a1b2c3d4e5f60718 10.42.3.5 198.51.100.7 50638 443 6 10 840 1795471300 1795471360 ACCEPT OK',
  '2 123456789012 eni-0a1b2c3d4e5f60718 - - - - - - - 1795471300 1795471360 - NODATA',
]
/** Another choice and order of fields. */
const CUSTOM = ['dstaddr srcaddr action', '198.51.100.7 10.42.3.5 REJECT']

/** After CloudTrail's record contents, version 1.11. */
const trail = (key: string | undefined, name = 'GetCallerIdentity') => ({
  eventVersion: '1.11',
  userIdentity: { type: 'IAMUser', arn: 'arn:aws:iam::123456789012:user/ci', accessKeyId: key },
  eventTime: '2026-11-23T22:02:30Z',
  eventSource: 'sts.amazonaws.com',
  eventName: name,
  awsRegion: 'eu-central-1',
  sourceIPAddress: '198.51.100.7',
  userAgent: 'aws-cli/2.15.0',
})

/** After GuardDuty's GetFindings. */
const finding = {
  Type: 'Execution:Runtime/NewBinaryExecuted',
  Severity: 5,
  Title: 'A newly created binary was executed',
  UpdatedAt: '2026-11-23T22:05:00.000Z',
  Resource: { ResourceType: 'EKSCluster', ContainerDetails: { Id: TOOLBOX, Name: 'toolbox' } },
  Service: { RuntimeDetails: { Process: { Pid: 2128, ExecutablePath: '/tmp/xmrig' } } },
}
const lower = (value: unknown): unknown =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k[0]?.toLowerCase() + k.slice(1), lower(v)]))
    : value

const policy = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'checkout', namespace: 'payments' },
  spec: {
    podSelector: { matchLabels: { app: 'checkout' } },
    policyTypes: ['Ingress', 'Egress'],
    egress: [
      { to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.42.9.0/24'] } }], ports: [{ port: 6379 }] },
      { to: [{ podSelector: {} }], ports: [{ port: 'http' }, { port: 8000, endPort: 8010, protocol: 'UDP' }] },
    ],
  },
}

const subscription = (...messages: string[]) => ({
  messageType: 'DATA_MESSAGE',
  owner: '123456789012',
  logGroup: '/aws/eks/prod/cluster',
  logEvents: messages.map((message, id) => ({ id: String(id), timestamp: 1_795_471_347_000, message })),
})
const json = (value: unknown) => JSON.stringify(value)
const checkpoint = {
  'spec.dump': json({
    annotations: { 'io.kubernetes.cri.sandbox-name': 'web', 'io.kubernetes.cri.sandbox-namespace': 'a' },
  }),
  'dump.log': Buffer.alloc(200_000),
  'config.dump': json({
    id: TOOLBOX,
    name: 'toolbox',
    rootfsImageName: 'toolbox:12',
    checkpointedTime: '2026-11-23T22:04:00Z',
  }),
}

const exec = {
  kind: 'exec',
  user: 'kubernetes-admin',
  from: '203.0.113.9',
  pod: 'default/net-debug',
  command: ['/bin/bash'],
}
const flow = {
  kind: 'flow',
  protocol: 'tcp',
  source: '10.42.3.5',
  target: '198.51.100.7',
  target_port: 443,
  bytes: 840,
}
const use = { kind: 'key-use', key: 'AKIAIOSFODNN7EXAMPLE', call: 'sts:GetCallerIdentity', from: '198.51.100.7' }

test.each([
  [
    'docker inspect',
    readFileSync(evidenceFile('docker-inspect.json')),
    { kind: 'container', name: 'corp-paused', running: true },
  ],
  [
    'docker ps',
    readFileSync(evidenceFile('docker-ps.ndjson')),
    { kind: 'container', name: 'corp-paused', running: true },
  ],
  [
    'crictl inspect',
    readFileSync(evidenceFile('crictl-inspect.json')),
    { kind: 'container', id: TOOLBOX, pod: 'default/net-debug' },
  ],
  ['crictl ps', readFileSync(evidenceFile('crictl-ps.json')), { kind: 'container', name: 'migrate', running: false }],
  [
    'crictl pods',
    readFileSync(evidenceFile('crictl-pods.json')),
    { kind: 'pod', name: 'payments/schema-sync-khpfm', running: false },
  ],
  [
    'kubectl get',
    readFileSync(evidenceFile('kubectl-pods.json')),
    { kind: 'container', id: TOOLBOX, running: true, name: 'toolbox' },
  ],
  ['Kubernetes audit log', audit.join('\n'), exec],
  ['CloudWatch', json(subscription(audit[1] ?? '')), exec],
  ['CloudWatch', `${json(subscription('kube-scheduler text'))}${json(subscription(audit[1] ?? ''))}`, exec],
  ['CloudWatch', json({ events: [{ timestamp: 1, message: audit[1] }] }), exec],
  ['CloudWatch', json({ results: [[{ field: '@message', value: audit[1] }]] }), exec],
  ['CloudWatch', json({ '@timestamp': 'x', '@message': audit[1] }), exec],
  ['CloudWatch', `2026-11-23T22:02:27.410Z ${audit[1]}\n2026-11-23T22:02:28.410Z I1123 other`, exec],
  ['CloudWatch', json({ events: [{ message: FLOWS[1] }] }), flow],
  ['VPC flow logs', FLOWS.join('\n'), flow],
  ['VPC flow logs', FLOWS[1] ?? '', flow],
  [
    'VPC flow logs',
    `${CUSTOM[0]} protocol\r\n${CUSTOM[1]} 17\r\n`,
    { kind: 'flow', protocol: 'udp', action: 'REJECT', source_port: 0 },
  ],
  ['CloudTrail', json({ Records: [trail('AKIAIOSFODNN7EXAMPLE')] }), use],
  ['CloudTrail', `${json(trail('AKIAIOSFODNN7EXAMPLE'))}\n`, use],
  ['CloudTrail', json({ Events: [{ CloudTrailEvent: json(trail('AKIAIOSFODNN7EXAMPLE')) }] }), use],
  ['GuardDuty', json({ Findings: [finding] }), { kind: 'finding', container: TOOLBOX, pid: 2128, exe: '/tmp/xmrig' }],
  [
    'GuardDuty',
    json({ 'detail-type': 'GuardDuty Finding', detail: lower(finding) }),
    { kind: 'finding', container: TOOLBOX },
  ],
  ['container checkpoint', tar(checkpoint), { kind: 'container', id: TOOLBOX, pod: 'a/web', image: 'toolbox:12' }],
  [
    'allow-list',
    '# ours\n\n10.0.0.0/8 443/tcp\n',
    { kind: 'allowed', networks: ['10.0.0.0/8'], ports: [{ from: 443, to: 443, protocol: 'tcp' }] },
  ],
  ['allow-list', '::/0 *', { kind: 'allowed', networks: ['::/0'], ports: [{ from: 0, to: 65_535, protocol: null }] }],
  [
    'kubectl get',
    stringify(JSON.parse(readFileSync(evidenceFile('kubectl-pods.json'), 'utf8'))),
    { kind: 'container', id: TOOLBOX, running: true, name: 'toolbox' },
  ],
  [
    'kubectl get',
    `# of ours\n---\n${stringify(policy)}---\nkind: [\n---\n${stringify({ kind: 'Service', apiVersion: 'v1' })}`,
    { kind: 'allowed', way: 'out', networks: ['10.0.0.0/8'], except: ['10.42.9.0/24'] },
  ],
  ['kubectl get', json(policy), { kind: 'allowed', way: 'out', networks: ['10.0.0.0/8'], except: ['10.42.9.0/24'] }],
])('%s is known by its content, plain and packed', async (name, content, record) => {
  const plain = await readAll(written(content))
  expect(plain.source).toBe(name)
  expect(plain.records).toContainEqual(expect.objectContaining(record))
  const packed = await readAll(written(gzipSync(content)))
  expect(packed.records).toEqual(plain.records)
})

/** Lets nothing in. */
const plain = { ...policy, spec: { podSelector: {} } }

describe('what is damaged costs itself, and is counted', () => {
  test.each([
    ['a line of an audit log', audit.join('\n'), 1, 8],
    ['a flow', [...FLOWS, '2 x', FLOWS[1]].join('\n'), 1, 2],
    ['an event of CloudTrail', json({ Records: [trail('AKIAIOSFODNN7EXAMPLE'), 7, null, trail(undefined)] }), 2, 1],
    ['a line of an allow-list', '10.0.0.0/8 443\n10.0.0.0/99 1\n10.0.0.0/8 9-1\n10.0.0.0/8 70000\n', 3, 1],
    ['a document of YAML', `${stringify(plain)}---\nkind: [\n---\n${stringify(plain)}`, 1, 2],
    ['a checkpoint', tar(checkpoint).subarray(0, 5000), 2, 0],
  ])('%s', async (_, content, malformed, records) => {
    const read = await readAll(written(content))
    expect(read.records).toHaveLength(records)
    expect(read.warnings).toMatchObject([{ code: 'malformed', count: malformed }])
  })

  test('packed evidence that ends too soon is read as far as it goes', async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `10.${index % 256}.${index >> 8}.0/24 ${index}/tcp`)
    const packed = gzipSync(lines.join('\n'))
    const { records, warnings } = await readAll(written(packed.subarray(0, packed.length - 100)))
    expect(records.length).toBeGreaterThan(1000)
    expect(warnings).toMatchObject([{ code: 'truncated' }])
  })
})

test.each([
  ['nothing', ''],
  ['text', 'Lorem ipsum dolor\nsit amet'],
  ['JSON of something else', '{"a":{"__proto__":{"kind":"Event"}}}'],
  ['half a document', '{"Records":[{"eventVersion":"1.11"'],
  ['bytes', Buffer.from([0, 1, 2, 0xff, 0xfe])],
])('%s is in no format, and that is said', async (_, content) => {
  const { source, records, warnings } = await readAll(written(content))
  expect([source, records]).toEqual([null, []])
  expect(warnings).toMatchObject([{ code: 'unreadable' }])
})

test('stages of a request, requests of others and moments are told', async () => {
  const { records } = await readAll(evidenceFile('audit.log'))
  expect(records.filter(({ kind }) => kind === 'covered')).toHaveLength(5)
  expect(records).toContainEqual(
    expect.objectContaining({ user: 'jane@corp.example', command: ['redis-cli', 'info'], status: 101 }),
  )
})

test('words that objects have of themselves are only words', async () => {
  const { records } = await readAll(
    written(`${CUSTOM[0]} protocol\n${CUSTOM[1]} __proto__\n${CUSTOM[1]} constructor\n`),
  )
  expect(records).toMatchObject([{ protocol: '__proto__' }, { protocol: 'constructor' }])
})

test('of a static pod both ids are known', async () => {
  const { records } = await readAll(evidenceFile('kubectl-pods.json'))
  const pod = records.find((record) => record.kind === 'pod' && record.name.includes('node-exporter'))
  expect(pod).toMatchObject({ ids: [expect.stringMatching(/^[\da-f-]{36}$/), expect.stringMatching(/^[\da-f]{32}$/)] })
})

test('what a policy says of ports and peers that it does not name is remarked', async () => {
  const { records, warnings } = await readAll(written(json(policy)))
  expect(records).toMatchObject([
    // Nothing may come in: a network without any address.
    { way: 'in', networks: ['255.255.255.255/32'], pods: { namespace: 'payments' } },
    { way: 'out', ports: [{ from: 6379, to: 6379, protocol: 'tcp' }] },
    {
      way: 'out',
      ports: [
        { from: 0, to: 65_535, protocol: 'tcp' },
        { from: 8000, to: 8010, protocol: 'udp' },
      ],
    },
  ])
  expect(warnings.map(({ code }) => code)).toEqual(['note', 'note'])
})

test('a log is read as a stream: a line that never ends costs itself', async () => {
  const { records, warnings } = await readAll(written(`${audit[1]}\n${'x'.repeat(40 << 20)}\n${audit[2]}\n`))
  expect(records.filter(({ kind }) => kind === 'exec')).toHaveLength(2)
  expect(warnings).toMatchObject([{ code: 'malformed', count: 1 }])
})

test('no JSON whatever breaks a reader', async () => {
  const seeds = [
    finding,
    policy,
    trail('AKIAIOSFODNN7EXAMPLE'),
    subscription(audit[1] ?? ''),
    JSON.parse(audit[1] ?? ''),
  ]
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom(...seeds))
  const broken = fc.tuple(fc.constantFrom(...seeds), fc.string(), value).map(([seed, , other]) => {
    // Every member in turn is something else.
    const names = Object.keys(seed)
    return Object.fromEntries(
      names.map((name, at) => [name, at % 2 === 0 ? (seed as Record<string, unknown>)[name] : other]),
    )
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(value, broken), { maxLength: 4 }),
      fc.constantFrom('\n', ''),
      async (values, end) => {
        const { records } = await readAll(written(values.map((one) => JSON.stringify(one)).join(end)))
        expect(Array.isArray(records)).toBe(true)
      },
    ),
    { numRuns: 100 },
  )
})

test('fields that nobody here reads are kept with what they are of', async () => {
  const [event = ''] = audit.filter((line) => line.includes('"exec"'))
  const told = { ...JSON.parse(event), annotations: { 'authorization.k8s.io/reason': 'because' }, x: [1, { y: 2 }] }
  const { records } = await readAll(written(json(told)))
  expect(records.find(({ kind }) => kind === 'exec')).toMatchObject({ said: told })
  const flows = await readAll(written(`${CUSTOM[0]} protocol pkt-srcaddr\n${CUSTOM[1]} 6 10.42.3.9\n`))
  expect(flows.records).toMatchObject([{ kind: 'flow', said: { 'pkt-srcaddr': '10.42.3.9' } }])
  const use = await readAll(written(json({ ...trail('AKIAIOSFODNN7EXAMPLE'), vpcEndpointId: 'vpce-1' })))
  expect(use.records).toMatchObject([{ said: { vpcEndpointId: 'vpce-1' } }])
})
