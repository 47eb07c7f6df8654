/** The pods table against what the kubelet, the API server and crictl told; how much of each field was recovered is printed. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { samples, sharedImage, table } from './images.js'

// biome-ignore lint/suspicious/noExplicitAny: what the API server and crictl printed
type Told = any

const image = sharedImage('k8s-debian13')
const manifest = '/etc/kubernetes/manifests/node-exporter.yaml'
/** What the API calls by one name, and memory does not tell: the account of a pod whose token is gone with its volume. */
const withoutToken = 'schema-sync-khpfm'

describe(`pods by the truth of ${image.title}`, () => {
  image.require()
  const { rows, warnings } = image.missing ? { rows: [], warnings: [] } : table('pods', image.as('elf'))

  it('are what the kubelet ran, whole rows', () => {
    const fields = Object.keys(expected()[0] ?? {})
    const told = expected()
    expect(told).toHaveLength(9)
    const found = rows.map((row) => Object.fromEntries(fields.map((field) => [field, row[field]])))
    const known = (list: Told[], field: string) => list.filter((row) => row[field] !== null && row[field] !== undefined)
    const share = fields.map((field) => `${field} ${known(found, field).length}/${known(inApi(), field).length}`)
    console.log(`pods, fields recovered of those that the API has: ${share.join(', ')}`)
    expect(found).toEqual(told)
    expect(warnings).toEqual([])
  })

  it('have the volumes of their declarations, where each container has them', () => {
    for (const { metadata, spec } of pods()) {
      const row = rows.find(({ uid }) => uid === metadata.uid)
      expect(new Set(plain(row?.volumes)), metadata.name).toEqual(new Set(volumesIn(spec)))
    }
    const all = rows.flatMap(({ volumes }) => volumes as Told[])
    expect(all).toHaveLength(22)
    // What a running container has mounted, the kernel knows the device of.
    expect(all.filter(({ device }) => device === 'tmpfs').length).toBeGreaterThanOrEqual(10)
    expect(all.filter(({ device }) => device === '/dev/vda').length).toBeGreaterThanOrEqual(5)
  })

  it('name a source for each value', () => {
    for (const { sources, ...row } of rows) {
      const known = Object.keys(row).filter((column) => hasValue(row[column]))
      expect(Object.keys(sources as object).sort(), `${row.name}`).toEqual(known.sort())
      expect(Object.values(sources as object)).not.toContain('')
    }
  })

  it('are the pods of the containers table', () => {
    const uids = new Set(table('containers', image.as('elf')).rows.map(({ pod_uid }) => pod_uid))
    expect(new Set(rows.map(({ uid }) => uid))).toEqual(uids)
  })

  function pods(): Told[] {
    return image.truth<Told>('api/kubelet-pods.json').items
  }

  /** Whole rows as the API has them. */
  function inApi(): Told[] {
    const sandboxes = readdirSync(join(image.folder, 'truth/raw/crictl-inspectp')).map((file) =>
      image.truth<Told>(`raw/crictl-inspectp/${file}`),
    )
    return pods()
      .map(({ metadata, spec, status }) => {
        const sandbox = sandboxes.find((item) => item.status.metadata.uid === metadata.uid)
        const { annotations } = metadata
        const isStatic = annotations['kubernetes.io/config.source'] === 'file'
        const counted = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])]
        return {
          ...{ uid: metadata.uid, name: metadata.name, namespace: metadata.namespace, node: spec.nodeName },
          service_account: spec.serviceAccountName ?? null,
          qos: status.qosClass,
          state: sandbox.status.state === 'SANDBOX_READY' ? 'running' : 'exited',
          sandbox: sandbox.status.id,
          ...{ static: isStatic, manifest: isStatic ? manifest : null },
          containers: names(spec.containers),
          init_containers: names(spec.initContainers),
          ephemeral_containers: names(spec.ephemeralContainers),
          restarts: Object.fromEntries(counted.map(({ name, restartCount }: Told) => [name, restartCount])),
          ips: status.podIPs.map(({ ip }: Told) => ip),
          ...{ host_network: spec.hostNetwork ?? false, host_pid: spec.hostPID ?? false, host_ipc: false },
          labels: metadata.labels,
          seen: micros(annotations['kubernetes.io/config.seen']),
        }
      })
      .sort((left, right) => (left.uid < right.uid ? -1 : 1))
  }

  function expected(): Told[] {
    const lacking = ({ name, service_account }: Told) => (name === withoutToken ? null : service_account)
    return inApi().map((row) => ({ ...row, service_account: lacking(row) }))
  }
})

describe.each(samples().filter(({ name }) => name === 'docker-debian12'))('pods of $title', (sample) => {
  it('are none where no kubelet ran', () => {
    expect(table('pods', sample.as('lime')).rows).toEqual([])
  })
})

function hasValue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  return value !== null && (typeof value !== 'object' || Object.keys(value).length > 0)
}

function names(containers: Told[] | undefined): string[] {
  return (containers ?? []).map(({ name }) => name).sort()
}

/** 2026-11-23T22:01:15.97788930Z → 2026-11-23T22:01:15.977889Z */
function micros(time: string): string {
  const [second = '', fraction = ''] = time.replace('Z', '').split('.')
  return `${second}.${fraction.padEnd(6, '0').slice(0, 6)}Z`
}

function plain(volumes: unknown): string[] {
  return (volumes as Told[]).map(({ name, kind, source, targets }) => {
    const at = targets.map(({ container, path }: Told) => `${container}:${path}`).sort()
    return `${kind === 'hostPath' ? source : name} ${kind} ${at}`
  })
}

/** A volume of the host's is known by its path. */
function volumesIn({ volumes = [], containers, initContainers = [] }: Told): string[] {
  return volumes.map(({ name, ...of }: Told) => {
    const [kind = ''] = Object.keys(of)
    const at = [...containers, ...initContainers].flatMap((container: Told) =>
      (container.volumeMounts ?? [])
        .filter((mount: Told) => mount.name === name)
        .map((mount: Told) => `${container.name}:${mount.mountPath}`),
    )
    return `${kind === 'hostPath' ? of.hostPath.path : name} ${kind} ${at.sort()}`
  })
}
