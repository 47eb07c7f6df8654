/** The secrets table of shared images against the environments that /proc gave, the API's pods, and what was planted. */

import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { sharedImage, type Table, table } from './images.js'

// biome-ignore lint/suspicious/noExplicitAny: what the guest recorded
type Told = any

const fingerprint = (value: string) => createHash('sha256').update(value).digest('hex').slice(0, 12)

/** Rows that every process with one of these variables has to have. */
function inEnvironments(processes: Told[], names: RegExp): string[] {
  return processes.flatMap(({ pid, environ }) => {
    const variables: string[] = Array.isArray(environ) ? environ : []
    return variables.flatMap((variable) => {
      const sign = variable.indexOf('=')
      const [name, value] = [variable.slice(0, sign), variable.slice(sign + 1)]
      return names.test(name) ? [`${pid} ${name} ${fingerprint(value)}`] : []
    })
  })
}

const shown = (rows: Table['rows']) =>
  rows.filter(({ where }) => where === 'environment').map((row) => `${row.pid} ${row.name} ${row.fingerprint}`)

const kubernetes = sharedImage('k8s-debian13')

describe(`secrets by the truth of ${kubernetes.title}`, () => {
  kubernetes.require()
  const planted = (name: string): Told => kubernetes.truth<Told[]>('planted.json').find((trace) => trace.name === name)
  const { rows, warnings } = kubernetes.missing ? { rows: [], warnings: [] } : table('secrets', kubernetes.as('elf'))

  it('are in the environments of the processes that have them', () => {
    const told = inEnvironments(kubernetes.processes(), /_PASSWORD$|^API_KEY$|_TOKEN$/)
    expect(told.length).toBeGreaterThanOrEqual(10)
    expect(new Set(shown(rows))).toEqual(new Set(told))
    expect(warnings).toEqual([])
  })

  it('are the tokens of all pods that have volumes, each at home in its own', () => {
    const tokens = rows.filter(({ kind, where }) => kind === 'service-account-token' && where === 'file')
    const pods: Told[] = kubernetes.truth<Told>('api/kubelet-pods.json').items
    const expected = pods
      .filter(
        ({ spec, status }) => spec.volumes?.some(({ projected }: Told) => projected) && status.phase === 'Running',
      )
      .map(({ metadata, spec }) => ({
        ...{ owner_pod: `${metadata.namespace}/${metadata.name}`, owner_pod_uid: metadata.uid, node: spec.nodeName },
        pod: `${metadata.namespace}/${metadata.name}`,
        owner_account: `${metadata.namespace}/${spec.serviceAccountName}`,
        ...{ foreign: false, expired: false, audiences: ['https://kubernetes.default.svc.cluster.local'] },
      }))
    expect(expected).toHaveLength(7)
    const fields = Object.keys(expected[0] ?? {})
    const found = tokens.map((row) => Object.fromEntries(fields.map((field) => [field, row[field]])))
    const byPod = (left: Told, right: Told) => (left.owner_pod < right.owner_pod ? -1 : 1)
    expect(found.sort(byPod)).toEqual(expected.sort(byPod))
  })

  it('have the planted token as foreign: env-stolen-token', () => {
    const { pod, namespace, to_pod } = planted('env-stolen-token')
    const foreign = rows.filter((row) => row.foreign === true && row.where !== 'memory')
    expect(foreign.length).toBeGreaterThanOrEqual(2)
    const [own] = rows.filter(({ where, owner_pod }) => where === 'file' && owner_pod === `payments/${to_pod}`)
    for (const row of foreign) {
      expect(row).toMatchObject({
        ...{ where: 'environment', name: 'STOLEN_TOKEN', pod: `${namespace}/${pod}`, container_name: 'toolbox' },
        ...{ owner_pod: `payments/${to_pod}`, owner_account: 'payments/default', fingerprint: own?.fingerprint },
      })
    }
    const pids = foreign.map(({ pid }) => pid)
    expect(pids).toContain(planted('deleted-exe-miner').pids[0])
  })

  it('are in the memory of who uses them, and have the same fingerprints there', () => {
    const files = new Set(rows.filter(({ where }) => where === 'file').map((row) => row.fingerprint))
    const tokens = rows.filter(({ where, kind }) => where === 'memory' && kind === 'service-account-token')
    const kubelet = tokens.filter(({ comm }) => comm === 'kubelet')
    expect(new Set(kubelet.map(({ owner_pod }) => owner_pod)).size).toBeGreaterThanOrEqual(5)
    expect(kubelet.every(({ foreign }) => foreign === null)).toBe(true)
    expect(tokens.filter(({ comm }) => comm === 'kube-proxy').map(({ foreign }) => foreign)).toContain(false)
    // The shell that exported the token, whose own environment is older.
    const { to_pod } = planted('env-stolen-token')
    expect(tokens.find(({ comm, foreign }) => comm === 'bash' && foreign === true)).toMatchObject({
      ...{ owner_pod: `payments/${to_pod}`, container_name: 'toolbox' },
    })
    for (const { fingerprint, expired, owner_pod, comm } of tokens) {
      if (expired === false) expect(files, `${comm} ${owner_pod}`).toContain(fingerprint)
    }
  })

  it('have the planted values where Secrets are mounted, and in declarations: secrets', () => {
    const { DB_PASSWORD, API_KEY, REDIS_PASSWORD } = planted('secrets')
    const mounted = rows.filter(({ kind }) => kind === 'mounted-secret')
    const values = [DB_PASSWORD, API_KEY, REDIS_PASSWORD].map(fingerprint)
    expect(mounted.map((row) => row.fingerprint).sort()).toEqual([...values, ...values].sort())
    const declared = rows.filter(({ where }) => where === 'declaration')
    expect(new Set(declared.map((row) => row.fingerprint))).toEqual(new Set(values))
    expect(declared.find(({ name }) => name === 'API_KEY')).toMatchObject({ container_name: 'frontend' })
  })

  it('have the kubelet’s keys, and the one that its kubeconfig repeats by the same fingerprint', () => {
    const all = rows.filter(({ kind }) => kind === 'private-key' || kind === 'kube-client-key')
    const keys = all.filter(({ where }) => where === 'file')
    expect(keys.map(({ path }) => path).sort()).toEqual([
      '/etc/kubernetes/kubelet.conf',
      '/var/lib/kubelet/pki/kubelet-client-2026-11-23-22-01-11.pem',
      '/var/lib/kubelet/pki/kubelet-client-2026-11-23-22-01-13.pem',
      '/var/lib/kubelet/pki/kubelet.key',
    ])
    expect(new Set(all.map((row) => row.fingerprint)).size).toBe(3)
  })

  it('are shown with --reveal only', () => {
    const { API_KEY } = planted('secrets')
    expect(JSON.stringify(rows)).not.toContain(API_KEY)
    expect(JSON.stringify(table('secrets', kubernetes.as('elf'), '--reveal').rows)).toContain(API_KEY)
  })
})

const docker = sharedImage('docker-debian12')

describe(`secrets by the truth of ${docker.title}`, () => {
  docker.require()

  it('are in environments and in files of the host', () => {
    const { rows } = table('secrets', docker.as('elf'))
    const told = inEnvironments(docker.processes(), /_PASSWORD$|_TOKEN$/)
    expect(told.length).toBeGreaterThanOrEqual(5)
    expect(new Set(shown(rows))).toEqual(new Set(told))
    expect(rows.find(({ kind }) => kind === 'private-key')).toMatchObject({ path: '/root/.ssh/id_lab', foreign: null })
  })
})
