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
