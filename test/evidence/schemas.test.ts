/** Findings of GuardDuty as its published model has them: each member that is read is one, and is read from there. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { evidenceFile, readAll, written } from './files.js'

const { shapes } = JSON.parse(readFileSync(evidenceFile('schemas/guardduty.json'), 'utf8')) as {
  shapes: Record<string, Record<string, string>>
}

/** What a record has, and where the model has it. */
const READ: Readonly<Record<string, readonly [path: string, value: unknown, expected?: unknown]>> = {
  time: ['Service.EventLastSeen', '2026-11-23T22:05:00.000Z', '2026-11-23T22:05:00.000000Z'],
  type: ['Type', 'Execution:Runtime/NewBinaryExecuted'],
  title: ['Title', 'A title'],
  severity: ['Severity', 5],
  container: ['Resource.ContainerDetails.Id', 'a'.repeat(64)],
  pid: ['Service.RuntimeDetails.Process.Pid', 2128],
  exe: ['Service.RuntimeDetails.Process.ExecutablePath', '/tmp/xmrig'],
  remote: ['Service.Action.NetworkConnectionAction.RemoteIpDetails.IpAddressV4', '198.51.100.7'],
  remote_port: ['Service.Action.NetworkConnectionAction.RemotePortDetails.Port', 4444],
  key: ['Resource.AccessKeyDetails.AccessKeyId', 'AKIAIOSFODNN7EXAMPLE'],
}
/** What else says the same. */
const OTHERWISE: typeof READ = {
  time: ['UpdatedAt', '2026-11-23T22:06:00Z', '2026-11-23T22:06:00.000000Z'],
  container: ['Resource.KubernetesDetails.KubernetesWorkloadDetails.Containers.0.Id', 'b'.repeat(64)],
  remote: ['Service.Action.NetworkConnectionAction.RemoteIpDetails.IpAddressV6', '2001:db8::7'],
}

/** What the model says that a path is of; undefined where it has no such member. */
function typeOf(path: string): string | undefined {
  return path.split('.').reduce<string | undefined>((shape, name) => {
    if (shape === undefined) return undefined
    return name === '0' ? /^(.+)\[\]$/.exec(shape)?.[1] : shapes[shape]?.[name]
  }, 'Finding')
}

function put(into: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.')
  let at: Record<string, unknown> = into
  names.forEach((name, index) => {
    const last = index === names.length - 1
    at[name] = last ? value : (at[name] ?? (names[index + 1] === '0' ? [] : {}))
    at = at[name] as Record<string, unknown>
  })
}

/** Names as EventBridge and S3 have them. */
function lower(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lower)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, of]) => [name[0]?.toLowerCase() + name.slice(1), lower(of)]),
  )
}

describe.each([
  ['as it is first looked for', READ],
  ['where that is missing', { ...READ, ...OTHERWISE }],
])('%s', (_, read) => {
  const finding: Record<string, unknown> = {}
  put(finding, 'Resource.ResourceType', 'EKSCluster')
  put(finding, 'Resource.KubernetesDetails.KubernetesWorkloadDetails.Namespace', 'default')
  put(finding, 'Resource.KubernetesDetails.KubernetesWorkloadDetails.Name', 'net-debug')
  for (const [path, value] of Object.values(read)) put(finding, path, value)
  const expected = Object.fromEntries(Object.entries(read).map(([name, [, value, is = value]]) => [name, is]))

  test.each(Object.values(read).map(([path, value]) => [path, typeof value]))('%s is a %s', (path, kind) => {
    expect(typeOf(path)).toBe(kind)
  })

  test.each([
    ['what get-findings answers', { Findings: [finding] }],
    ['what EventBridge sends', { 'detail-type': 'GuardDuty Finding', detail: lower(finding) }],
    ['a line in S3', lower(finding)],
  ])('%s gives each of them', async (_, document) => {
    const { source, records, warnings } = await readAll(written(JSON.stringify(document)))
    expect([source, warnings]).toEqual(['GuardDuty', []])
    expect(records).toMatchObject([{ kind: 'finding', ...expected, pod: 'default/net-debug' }])
  })
})

/** Fields by the version of flow logs that brought them. */
const { fields: flowFields } = JSON.parse(readFileSync(evidenceFile('schemas/flow-logs.json'), 'utf8')) as {
  fields: Record<string, string[]>
}

describe('flow logs with the fields of all versions', () => {
  const names = Object.values(flowFields).flat()
  const values: Readonly<Record<string, string>> = {
    ...{ version: '10', srcaddr: '10.0.0.4', dstaddr: '10.0.0.9', srcport: '50638', dstport: '443', protocol: '6' },
    ...{ packets: '6', bytes: '840', start: '1795471300', end: '1795471360', action: 'ACCEPT', 'log-status': 'OK' },
    ...{ 'pkt-srcaddr': '10.42.3.5', 'pkt-dstaddr': '198.51.100.7' },
  }
  const line = (of: readonly string[], changes: object = {}) => {
    const all: Record<string, string> = { ...values, ...changes }
    return `${of.join(' ')}\n${of.map((name) => all[name] ?? `x-${name}`).join(' ')}\n`
  }

  test('are those of ten versions', () => {
    expect(names).toHaveLength(42)
    expect(new Set(names).size).toBe(42)
    expect(Object.keys(flowFields).at(-1)).toBe('10')
  })

  test('give the ends of the packets, and keep every other field', async () => {
    const { records, warnings } = await readAll(written(line(names)))
    expect(warnings).toEqual([])
    const read = ['account-id', 'interface-id', ...Object.keys(values)].filter(
      (name) => !/^(?:src|dst)addr$/.test(name),
    )
    const kept = names.filter((name) => !read.includes(name) || name.startsWith('pkt-'))
    expect(records).toMatchObject([
      {
        ...{ kind: 'flow', source: '10.42.3.5', source_port: 50638, target: '198.51.100.7', target_port: 443 },
        ...{ protocol: 'tcp', action: 'ACCEPT', bytes: 840, time: expect.stringMatching(/^2026-/) },
        said: Object.fromEntries(kept.map((name) => [name, values[name] ?? `x-${name}`])),
      },
    ])
  })

  test('have the addresses of interfaces where those of packets are not told', async () => {
    const { records } = await readAll(written(line(names, { 'pkt-srcaddr': '-', 'pkt-dstaddr': '-' })))
    expect(records).toMatchObject([{ source: '10.0.0.4', target: '10.0.0.9' }])
    const plain = names.filter((name) => !name.startsWith('pkt-'))
    expect((await readAll(written(line(plain)))).records).toMatchObject([{ source: '10.0.0.4', target: '10.0.0.9' }])
    const bare = names.filter((name) => name !== 'srcaddr' && name !== 'dstaddr')
    expect((await readAll(written(line(bare)))).records).toMatchObject([{ source: '10.42.3.5' }])
  })

  test.each(['NODATA', 'SKIPDATA'])('tell of no flow with %s', async (status) => {
    const nothing = Object.fromEntries(names.map((name) => [name, '-']))
    const { records, warnings } = await readAll(written(line(names, { ...nothing, 'log-status': status })))
    expect([records, warnings]).toEqual([[], []])
  })
})

const trail = JSON.parse(readFileSync(evidenceFile('schemas/cloudtrail.json'), 'utf8')) as Record<string, string[]>

describe('an event of CloudTrail with every member', () => {
  const members = (of: string) => Object.fromEntries((trail[of] ?? []).map((name) => [name, `x-${name}`]))
  const event = {
    ...members('record'),
    ...{ eventVersion: '1.11', eventTime: '2026-11-23T22:02:30Z', eventSource: 'sts.amazonaws.com' },
    ...{ eventName: 'GetCallerIdentity', sourceIPAddress: '198.51.100.7' },
    userIdentity: { ...members('userIdentity'), accessKeyId: 'AKIAIOSFODNN7EXAMPLE' },
  }

  test('is read from where the schema has it, and kept whole', async () => {
    const { source, records, warnings } = await readAll(written(JSON.stringify({ Records: [event] })))
    expect([source, warnings]).toEqual(['CloudTrail', []])
    expect(records).toMatchObject([
      {
        ...{ kind: 'key-use', key: 'AKIAIOSFODNN7EXAMPLE', call: 'sts:GetCallerIdentity', from: '198.51.100.7' },
        ...{ agent: 'x-userAgent', who: 'x-arn', error: 'x-errorCode', time: '2026-11-23T22:02:30.000000Z' },
        said: event,
      },
    ])
  })

  test('names a user where it has no ARN', async () => {
    const { arn: _, ...user } = event.userIdentity as Record<string, unknown>
    const { records } = await readAll(written(JSON.stringify({ Records: [{ ...event, userIdentity: user }] })))
    expect(records).toMatchObject([{ who: 'x-userName' }])
  })
})
