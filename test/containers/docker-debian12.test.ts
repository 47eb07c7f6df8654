import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { capabilityNames } from '../../src/containers/capabilities.js'
import { buildContainers } from '../../src/containers/containers.js'
import { sharedImage } from '../truth/images.js'
import { FakeFiles } from './cached-files.js'
import { evidenceFrom, type Json, micros, readAll, readJson } from './truth.js'

const image = sharedImage('docker-debian12')

describe(`containers by the truth of ${image.title}`, () => {
  image.require()
  const path = join(image.folder, 'truth')
  const inspected = (): Json[] => readJson(path, 'raw/docker-inspect.json')

  it('are what docker inspect told, whole rows', () => {
    const { rows, warnings } = buildContainers(evidenceFrom(path, dockerFiles(path)))
    expect(rows.map(({ sources, evidence, capabilities, mounts, networks, ...rest }) => rest)).toEqual(
      inspected().map(expectedRow).sort(byId),
    )
    expect(warnings).toEqual([])
  })

  it('have the mounts, networks and capabilities that docker inspect and /proc told', () => {
    const { rows } = buildContainers(evidenceFrom(path, dockerFiles(path)))
    const processes: Json[] = readJson(path, 'processes.json')
    for (const told of inspected()) {
      const row = rows.find(({ id }) => id === told.Id)
      const asked = told.Mounts.map((mount: Json) => ({
        source: mount.Source,
        target: mount.Destination,
        type: mount.Type,
        options: [mount.RW ? 'rw' : 'ro', mount.Propagation],
      }))
      expect(row?.mounts).toEqual(expect.arrayContaining(asked))
      expect(row?.mounts).toHaveLength(asked.length + 3)
      if (told.HostConfig.NetworkMode === 'host') {
        expect(row?.networks).toEqual([{ name: 'host', interface: null, address: null }])
      } else if (told.State.Running) {
        const [network] = Object.entries<Json>(told.NetworkSettings.Networks)
        const provider = inspected().find(({ Id }) => told.HostConfig.NetworkMode === `container:${Id}`)
        const [name, of] = network ?? Object.entries<Json>(provider.NetworkSettings.Networks)[0] ?? []
        expect(row?.networks).toEqual([{ name, interface: 'eth0', address: `${of.IPAddress}/${of.IPPrefixLen}` }])
      }
      const init = processes.find((entry) => entry.pid === told.State.Pid)
      expect(row?.capabilities ?? null).toEqual(init ? capabilityNames(BigInt(`0x${init.caps.CapBnd}`)) : null)
    }
  })

  it('tell their sources', () => {
    const { rows } = buildContainers(evidenceFrom(path, dockerFiles(path)))
    const web = rows.find(({ name }) => name === 'shop-web-1')
    expect(web?.sources).toEqual({
      id: 'cgroup path',
      kind: 'cgroup path',
      runtime: 'cgroup path',
      name: 'config.v2.json',
      image: 'config.v2.json',
      state: 'task_struct',
      init_pid: 'state.json',
      processes: 'cgroup path',
      started: 'config.v2.json',
      hostname: 'config.v2.json',
      privileged: 'hostconfig.json',
      capabilities: 'OCI config.json',
      seccomp: 'task_struct',
      mounts: 'config.v2.json',
      networks: 'config.v2.json, network namespace',
    })
    const sidecar = rows.find(({ name }) => name === 'corp-sidecar')
    expect(sidecar?.sources.networks).toBe('config.v2.json of 018e0db6fd22, network namespace')
    expect(web?.evidence.map(({ source }) => source)).toEqual([
      'OCI config.json',
      'state.json',
      'config.v2.json',
      'hostconfig.json',
    ])
  })

  it('are found without any cached file, with what the kernel alone knows', () => {
    const { rows } = buildContainers(evidenceFrom(path, new FakeFiles({})))
    const live = inspected().filter((told) => told.State.Running)
    expect(rows.map(({ id, runtime, state, init_pid }) => ({ id, runtime, state, init_pid }))).toEqual(
      live
        .map((told) => ({ id: told.Id, runtime: 'docker', state: told.State.Status, init_pid: told.State.Pid }))
        .sort(byId),
    )
  })

  function expectedRow(told: Json): Json {
    const processes: Json[] = readJson(path, 'processes.json')
    const own = processes.filter((entry) => entry.cgroup[0].includes(told.Id))
    const init = own.find((entry) => entry.pid === told.State.Pid)
    return {
      id: told.Id,
      kind: 'container',
      parent: null,
      runtime: 'docker',
      name: told.Name.slice(1),
      image: told.Config.Image,
      state: told.State.Status,
      init_pid: told.State.Pid || null,
      processes: own.length,
      started: micros(told.State.StartedAt),
      pod_uid: null,
      pod_name: null,
      pod_namespace: null,
      hostname: told.Config.Hostname,
      privileged: told.HostConfig.Privileged,
      seccomp: init === undefined ? null : ['disabled', 'strict', 'filter'][Number(init.seccomp)],
    }
  }
})

function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : 1
}

/** Docker's and runc's files as they lie on the host, from what inspect gives of them. */
function dockerFiles(truth: string): FakeFiles {
  const tree: Record<string, string> = {}
  for (const told of readJson(truth, 'raw/docker-inspect.json')) {
    const { Id, Created, Path, Args, State, Image, Config, Name, NetworkSettings, HostConfig, Mounts } = told
    const { ResolvConfPath, HostnamePath, HostsPath } = told
    const MountPoints = Object.fromEntries(Mounts.map((mount: Json) => [mount.Destination, mount]))
    const folder = `/var/lib/docker/containers/${Id}`
    tree[`${folder}/config.v2.json`] = JSON.stringify({
      ...{ State, ID: Id, Created, Path, Args, Config, Image, NetworkSettings, Name, MountPoints },
      ...{ ResolvConfPath, HostnamePath, HostsPath },
    })
    tree[`${folder}/hostconfig.json`] = JSON.stringify(HostConfig)
    if (!State.Running) continue
    tree[`/run/docker/runtime-runc/moby/${Id}/state.json`] = JSON.stringify({
      ...{ id: Id, init_process_pid: State.Pid, created: Created },
    })
  }
  for (const info of readAll(truth, 'raw/ctr-moby-info')) {
    const bundle = `/run/containerd/io.containerd.runtime.v2.task/moby/${info.ID}`
    tree[`${bundle}/config.json`] = JSON.stringify(info.Spec)
  }
  return new FakeFiles(tree)
}
