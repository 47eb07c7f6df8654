import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildContainers } from '../../src/containers/containers.js'
import { sharedImage } from '../truth/images.js'
import { FakeFiles } from './cached-files.js'
import { evidenceFrom, type Json, micros, readAll, readJson } from './truth.js'

const image = sharedImage('k8s-debian13')

describe(`containers by the truth of ${image.title}`, () => {
  image.require()
  const path = join(image.folder, 'truth')

  it('are what crictl told, whole rows', () => {
    const { rows, warnings } = buildContainers(evidenceFrom(path, criFiles(path, true)))
    expect(rows.map(({ sources, evidence, capabilities, mounts, networks, ...rest }) => rest)).toEqual(expected())
    expect(warnings).toEqual([])
  })

  it('without meta.db lack only what nothing else has', () => {
    const { rows, warnings } = buildContainers(evidenceFrom(path, criFiles(path, false)))
    const told = expected().map((row) =>
      row.state === 'exited' ? { ...row, image: null, privileged: null, seccomp: null } : row,
    )
    expect(rows.map(({ sources, evidence, capabilities, mounts, networks, ...rest }) => rest)).toEqual(told)
    expect(warnings).toEqual([])
  })

  it('have the capabilities, mounts and networks that were declared', () => {
    const { rows } = buildContainers(evidenceFrom(path, criFiles(path, true)))
    for (const info of readAll(path, 'raw/ctr-k8s.io-info')) {
      const row = rows.find(({ id }) => id === info.ID)
      expect(new Set(row?.capabilities)).toEqual(new Set(info.Spec.process.capabilities.bounding))
      const bound = info.Spec.mounts.filter((mount: Json) => mount.type === 'bind')
      expect(row?.mounts).toEqual(
        bound.map((mount: Json) => ({
          source: mount.source,
          target: mount.destination,
          type: 'bind',
          options: mount.options,
        })),
      )
    }
    for (const { status } of readAll(path, 'raw/crictl-inspectp')) {
      if (!status.network?.ip || status.state !== 'SANDBOX_READY') continue
      const pod = rows.filter((row) => row.pod_uid === status.metadata.uid && row.state === 'running')
      for (const { networks } of pod) {
        expect(networks).toEqual([{ name: null, interface: 'eth0', address: `${status.network.ip}/24` }])
      }
    }
    expect(rows.find((row) => row.name === 'kube-proxy')?.networks).toEqual([
      { name: 'host', interface: null, address: null },
    ])
  })

  function expected(): Json[] {
    const processes: Json[] = readJson(path, 'processes.json')
    const count = (id: string): number => processes.filter((entry) => entry.cgroup[0].includes(id)).length
    const seccomp = (pid: number, exited: Json): string => {
      const init = processes.find((entry) => entry.pid === pid)
      return ['disabled', 'strict', 'filter'][Number(init?.seccomp ?? (exited.linux.seccomp ? 2 : 0))] ?? ''
    }
    const sandboxes = readAll(path, 'raw/crictl-inspectp')
    const names: Json = Object.fromEntries(sandboxes.map(({ status }) => [status.id, status.metadata.name]))
    const rows = sandboxes.map(({ status, info }) => {
      const init = processes.find((entry) => entry.pid === info.pid)
      return {
        ...{ id: status.id, kind: 'sandbox', parent: null, runtime: 'containerd', name: status.metadata.name },
        ...{ image: null, state: status.state === 'SANDBOX_READY' ? 'running' : 'exited', init_pid: info.pid || null },
        ...{ processes: count(status.id), started: init ? time(init.start_epoch) : null },
        ...{ pod_uid: status.metadata.uid, pod_name: status.metadata.name, pod_namespace: status.metadata.namespace },
        hostname: info.config.hostname ?? hostname,
        // A pod's sandbox may be asked for privileges and does not get them: it only sleeps.
        privileged: false,
        seccomp: seccomp(info.pid, info.runtimeSpec),
      }
    })
    for (const { status, info } of readAll(path, 'raw/crictl-inspect')) {
      const sandbox = sandboxes.find((item) => item.status.id === info.sandboxID)
      rows.push({
        ...{ id: status.id, kind: 'container', parent: null, runtime: 'containerd', name: status.metadata.name },
        image: status.image.userSpecifiedImage || status.image.image,
        state: status.state === 'CONTAINER_RUNNING' ? 'running' : 'exited',
        ...{ init_pid: info.pid || null, processes: count(status.id), started: micros(status.startedAt) },
        pod_uid: status.labels['io.kubernetes.pod.uid'],
        pod_name: names[info.sandboxID],
        pod_namespace: status.labels['io.kubernetes.pod.namespace'],
        hostname: sandbox?.info.config.hostname ?? hostname,
        privileged: info.config.linux?.security_context?.privileged ?? false,
        seccomp: seccomp(info.pid, info.runtimeSpec),
      })
    }
    return rows.sort((a, b) => (a.id < b.id ? -1 : 1))
  }
})

const hostname = 'ip-10-0-2-15'

function time(epoch: number): string {
  return new Date(epoch * 1000).toISOString().replace('Z', '000Z')
}

function criFiles(truth: string, withDatabase: boolean): FakeFiles {
  const tree: ConstructorParameters<typeof FakeFiles>[0] = {}
  const root = '/var/lib/containerd/io.containerd.grpc.v1.cri'
  const live = new Set<string>()
  for (const { status, info } of readAll(truth, 'raw/crictl-inspect')) {
    const nanoseconds = (at: string): number =>
      at.startsWith('1970') || at.startsWith('0001') ? 0 : Date.parse(at) * 1e6
    const { pid } = info
    if (pid > 0) live.add(status.id)
    const exact = (at: string): string => {
      const whole = String(BigInt(nanoseconds(at)) / 1_000_000_000n)
      return whole === '0' ? '0' : `${whole}${(/\.(\d+)/.exec(at)?.[1] ?? '').padEnd(9, '0')}`
    }
    tree[`${root}/containers/${status.id}/status`] =
      `{"Version":"v1","Pid":${pid},"CreatedAt":${exact(status.createdAt)},"StartedAt":${exact(status.startedAt)},` +
      `"FinishedAt":${exact(status.finishedAt ?? '1970')},"ExitCode":${status.exitCode ?? 0}}`
    const { labels } = status
    const pod = `${labels['io.kubernetes.pod.name']}_${labels['io.kubernetes.pod.namespace']}`
    const name = `${pod}_${status.metadata.name}-${status.id}.log`
    tree[`/var/log/containers/${name}`] = { link: status.logPath }
    tree[status.logPath] = ''
  }
  for (const { status, info } of readAll(truth, 'raw/crictl-inspectp')) {
    if (info.pid > 0) live.add(status.id)
    tree[`${root}/sandboxes/${status.id}/hostname`] = `${info.config.hostname || hostname}\n`
    tree[`${root}/sandboxes/${status.id}/resolv.conf`] = ''
  }
  let database = '\0'.repeat(4096)
  for (const info of readAll(truth, 'raw/ctr-k8s.io-info')) {
    const bundle = `/run/containerd/io.containerd.runtime.v2.task/k8s.io/${info.ID}`
    if (live.has(info.ID)) tree[`${bundle}/config.json`] = JSON.stringify(info.Spec)
    for (const extension of Object.values<Json>(info.Extensions)) {
      database += `github.com/containerd/cri\u0012${Buffer.from(extension.value, 'base64').toString()}\0\0`
    }
    database += `spec\n4types.containerd.io\u0012${JSON.stringify(info.Spec)}\0{"Version":"v1","Metadata":{"ID":"torn`
  }
  if (withDatabase) tree['/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db'] = { present: database }
  return new FakeFiles(tree)
}
