/** Evidence that the guests themselves gave, joined with their memory: everything fits, and what is left out is found. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { evidenceFile, written } from '../evidence/files.js'
import { sharedImage, table } from './images.js'

// biome-ignore lint/suspicious/noExplicitAny: what the guest recorded
type Told = any

const joined = (image: string, ...files: string[]) => {
  const { rows, warnings } = table('evidence', image, ...files.flatMap((file) => ['--evidence', file]))
  expect(rows.filter(({ kind }) => kind === 'file')).toHaveLength(files.length)
  return { rows: rows.filter(({ kind }) => kind !== 'file'), warnings }
}
const states = (rows: Record<string, unknown>[]) => [...new Set(rows.map(({ state }) => state))]
const only = (rows: Record<string, unknown>[], state: string) =>
  rows.filter((row) => row.state === state).map(({ kind, subject }) => `${kind} ${subject}`)

const docker = sharedImage('docker-debian12')

describe(`evidence by the truth of ${docker.title}`, () => {
  docker.require()

  it('docker inspect and docker ps show the containers that memory has, and no others', () => {
    const files = ['docker-inspect.json', 'docker-ps-a.json'].map((name) => join(docker.folder, 'truth/raw', name))
    const { rows, warnings } = joined(docker.as('elf'), ...files)
    expect(rows).toHaveLength(20)
    expect(states(rows)).toEqual(['both'])
    expect(warnings).toEqual([])
  })

  it('a container that is not shown is found, and one that is shown and is not there', () => {
    const all: Told[] = docker.truth('raw/docker-inspect.json')
    const shown = all.filter(({ Name }) => Name !== '/corp-batch')
    const invented = { ...all[0], Id: 'f'.repeat(64), Name: '/invented' }
    const { rows } = joined(docker.as('elf'), written(JSON.stringify([...shown, invented])))
    expect(only(rows, 'memory only')).toEqual(['container corp-batch'])
    expect(only(rows, 'evidence only')).toEqual(['container invented'])
  })

  it('connections that were planted are not covered by a list of everything else', () => {
    const { rows } = joined(docker.as('elf'), written('0.0.0.0/0 1-4443\n0.0.0.0/0 4446-65535\n::/0 *\n'))
    // tcp-container-host, and the reverse shell.
    expect(rows).toContainEqual(
      expect.objectContaining({ container_name: 'corp-batch', pid: 1702, state: 'memory only' }),
    )
    expect(rows).toContainEqual(expect.objectContaining({ container_name: 'shop-web-1', state: 'memory only' }))
    const ports = rows.map(({ detail }) => (detail as Told).port)
    expect(ports.every((port) => port === 4444 || port === 4445)).toBe(true)
  })
})

const kubernetes = sharedImage('k8s-debian13')

describe(`evidence by the truth of ${kubernetes.title}`, () => {
  kubernetes.require()
  const truth = (name: string) => join(kubernetes.folder, 'truth', name)

  it('crictl, kubectl and the kubelet show the pods and containers that memory has, and no others', () => {
    const names = ['raw/crictl-pods.json', 'raw/crictl-ps.json', 'api/pods.json', 'api/kubelet-pods.json']
    const { rows } = joined(kubernetes.as('elf'), ...names.map(truth))
    expect(rows.filter(({ kind }) => kind === 'pod')).toHaveLength(27)
    expect(rows.filter(({ kind }) => kind === 'container')).toHaveLength(39)
    expect(states(rows)).toEqual(['both'])
  })

  it('a pod that the API does not have is found, and its containers with it', () => {
    const all: Told = kubernetes.truth('api/pods.json')
    const items = all.items.filter(({ metadata }: Told) => metadata.name !== 'net-debug')
    const { rows } = joined(kubernetes.as('elf'), written(JSON.stringify({ ...all, items })))
    expect(only(rows, 'memory only')).toEqual(['pod default/net-debug'])
    expect(only(rows, 'evidence only')).toEqual([])
  })

  it('the shell that was typed in is the exec of the audit log, and the other shell is in none', () => {
    const log = readFileSync(evidenceFile('audit.log'), 'utf8').replace('{ damaged\n', '')
    const { rows } = joined(kubernetes.as('elf'), written(log))
    expect(rows).toMatchObject([
      { subject: 'kubernetes-admin', pid: 2050, comm: 'bash', container_name: 'toolbox', state: 'both' },
      { subject: 'jane@corp.example', pid: null, pod: 'payments/sessions-0', state: 'evidence only' },
      { pid: 2153, comm: 'bash', pod: 'default/net-debug', state: 'memory only' },
    ])
  })

  it('what does not fit is a finding, and a rule without a file that it is about is not evaluated', () => {
    const all: Told = kubernetes.truth('api/pods.json')
    const items = all.items.filter(({ metadata }: Told) => metadata.name !== 'net-debug')
    const log = readFileSync(evidenceFile('audit.log'), 'utf8').replace('{ damaged\n', '')
    const given = [written(JSON.stringify({ ...all, items })), written(log)].flatMap((file) => ['--evidence', file])
    const ours = ['hidden-from-api', 'listed-but-not-running', 'exec-in-audit-log', 'exec-without-audit-record']
    const found = table('findings', kubernetes.as('elf'), ...given).rows.filter(({ rule }) =>
      ours.includes(String(rule)),
    )
    expect(found.map(({ rule, pid, pod }) => [rule, pid, pod])).toEqual([
      ['exec-without-audit-record', 2153, 'default/net-debug'],
      ['hidden-from-api', null, 'default/net-debug'],
      ['exec-in-audit-log', 2050, 'default/net-debug'],
    ])
    const states = table('rules', kubernetes.as('elf'), ...given).rows
    const of = (name: string) => states.find(({ rule }) => rule === name)
    expect(of('listed-but-not-running')).toMatchObject({ state: 'evaluated', findings: 0 })
    expect(of('access-key-used')).toMatchObject({
      state: 'not evaluated',
      reason: 'no --evidence says anything of calls with access keys',
    })
  })
})
