/** The containers table of samples and shared images against what the engines themselves told, and against the other tables. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { samples, sharedImages, type Table, type TruthImage, table } from './images.js'

type Row = Table['rows'][number]
// biome-ignore lint/suspicious/noExplicitAny: what docker and crictl printed
type Told = any

const dockerDefaults = [
  ...['CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP'],
  ...['NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'],
]

const seccompModes = ['disabled', 'strict', 'filter']

const byId = (left: { id: string }, right: { id: string }) => (left.id < right.id ? -1 : 1)

/** 2026-11-23T12:56:37.77398008Z → 2026-11-23T12:56:37.773980Z */
function micros(time: string): string {
  const [second = '', fraction = ''] = time.replace('Z', '').split('.')
  return `${second}.${fraction.padEnd(6, '0').slice(0, 6)}Z`
}

function pick(row: Row, like: object): Row {
  return Object.fromEntries(Object.keys(like).map((name) => [name, row[name]]))
}

/** How many processes of a container were recorded and still there, and how many came to it after the record. */
function countProcesses(image: TruthImage, id: string, processes: Row[]): number {
  const recorded = image.processes().filter(({ cgroup }) => cgroup.some((path) => path.includes(id)))
  const came = processes.filter(({ pid, container }) => container === id && image.moved.came.includes(pid as number))
  return recorded.length + came.length
}

function seccompOf(image: TruthImage, pid: number): string | null {
  const init = image.processes().find((process) => process.pid === pid)
  return init === undefined ? null : (seccompModes[Number(init.seccomp)] ?? null)
}

function dockerRow(image: TruthImage, told: Told, processes: Row[]) {
  return {
    ...{ id: told.Id, kind: 'container', parent: null, runtime: 'docker', name: told.Name.slice(1) },
    ...{ image: told.Config.Image, state: told.State.Status, init_pid: told.State.Pid || null },
    ...{ processes: countProcesses(image, told.Id, processes), started: micros(told.State.StartedAt) },
    ...{ pod_uid: null, pod_name: null, pod_namespace: null },
    ...{ hostname: told.Config.Hostname, privileged: told.HostConfig.Privileged },
    seccomp: seccompOf(image, told.State.Pid),
    networks: dockerNetworks(image, told),
  }
}

function dockerNetworks(image: TruthImage, told: Told) {
  const mode: string = told.HostConfig.NetworkMode
  if (mode === 'host') return [{ name: 'host', interface: null, address: null }]
  const inspected = image.truth<Told[]>('raw/docker-inspect.json')
  const provider = inspected.find(({ Id }) => mode === `container:${Id}`) ?? told
  return Object.entries<Told>(provider.NetworkSettings.Networks).map(([name, network]) => ({
    name,
    interface: told.State.Running ? 'eth0' : null,
    address: network.IPAddress ? `${network.IPAddress}/${network.IPPrefixLen}` : null,
  }))
}

function dockerMounts(told: Told) {
  const files: [string, string][] = [
    [told.HostnamePath, '/etc/hostname'],
    [told.HostsPath, '/etc/hosts'],
    [told.ResolvConfPath, '/etc/resolv.conf'],
  ]
  return [
    ...files.map(([source, target]) => ({ source, target, type: 'bind', options: [] })),
    ...told.Mounts.map((mount: Told) => ({
      ...{ source: mount.Source, target: mount.Destination, type: mount.Type },
      options: [mount.RW ? 'rw' : 'ro', mount.Propagation],
    })),
  ]
}

/** Docker's default capabilities, less those dropped, with those added; as many as its version knows with --privileged. */
function dockerCapabilities({ HostConfig, State }: Told): unknown {
  if (!State.Running) return null
  if (HostConfig.Privileged) return expect.arrayContaining(['CAP_SYS_ADMIN', 'CAP_SYS_MODULE', 'CAP_AUDIT_READ'])
  const dropped: string[] = HostConfig.CapDrop ?? []
  const kept = dropped.includes('ALL') ? [] : dockerDefaults.filter((name) => !dropped.includes(name))
  const names = new Set([...kept, ...(HostConfig.CapAdd ?? [])].map((name) => `CAP_${name}`))
  return [...names].sort()
}

function readAll(image: TruthImage, folder: string): Told[] {
  return readdirSync(join(image.folder, 'truth', folder)).map((file) => image.truth(`${folder}/${file}`))
}

function kubernetesRows(image: TruthImage, processes: Row[]) {
  const sandboxes = readAll(image, 'raw/crictl-inspectp')
  const containers = readAll(image, 'raw/crictl-inspect')
  const listed = image.truth<Told>('raw/crictl-ps.json').containers
  const pods = image.truth<Told>('raw/crictl-pods.json').items
  const rows = [
    ...sandboxes.map(({ status, info }) => {
      const { metadata, state } = pods.find(({ id }: Told) => id === status.id)
      return {
        ...{
          id: status.id,
          kind: 'sandbox',
          parent: null,
          runtime: 'containerd',
          name: metadata.name,
          image: info.image,
        },
        ...{ state: state === 'SANDBOX_READY' ? 'running' : 'exited', init_pid: info.pid || null },
        ...{ processes: countProcesses(image, status.id, processes) },
        ...{ pod_uid: metadata.uid, pod_name: metadata.name, pod_namespace: metadata.namespace },
        // Privileges may be asked for a sandbox, but it only sleeps and is given none.
        ...{ hostname: hostnameOf(image, info), privileged: false },
      }
    }),
    ...containers.map(({ status, info }) => {
      const { metadata, labels, image: from, state } = listed.find(({ id }: Told) => id === status.id)
      const sandbox = sandboxes.find((item) => item.status.id === info.sandboxID)
      return {
        ...{ id: status.id, kind: 'container', parent: null, runtime: 'containerd', name: metadata.name },
        ...{ image: from.userSpecifiedImage, state: state === 'CONTAINER_RUNNING' ? 'running' : 'exited' },
        ...{ init_pid: info.pid || null, processes: countProcesses(image, status.id, processes) },
        ...{ started: micros(status.startedAt), pod_uid: labels['io.kubernetes.pod.uid'] },
        ...{ pod_name: labels['io.kubernetes.pod.name'], pod_namespace: labels['io.kubernetes.pod.namespace'] },
        hostname: hostnameOf(image, sandbox.info),
        privileged: info.config.linux?.security_context?.privileged ?? false,
      }
    }),
  ]
  expect(rows.map(({ id }) => id).sort()).toEqual([...listed, ...pods].map(({ id }: Told) => id).sort())
  return rows.sort(byId)
}

/** A pod on the host's network has the host's name. */
function hostnameOf(image: TruthImage, { config }: Told): string {
  return config.hostname || image.truth<{ hostname: string }>('host.json').hostname
}

for (const image of [...samples(), ...sharedImages()].filter((image) => !image.has('raw/podman-inspect.json'))) {
  const tables = new Map<string, Table>()
  const read = (name: string): Table => {
    const known = tables.get(name) ?? table(name, image.as(image.formats[0] ?? 'elf'))
    tables.set(name, known)
    return known
  }

  describe(`containers of ${image.title}`, () => {
    image.require()

    if (image.name === 'k8s-debian13') {
      it('are what crictl told, whole rows and none too many', () => {
        const expected = kubernetesRows(image, read('processes').rows)
        const { rows, warnings } = read('containers')
        expect(rows.map((row, index) => pick(row, expected[index] ?? row))).toEqual(expected)
        expect(warnings).toEqual([])
        for (const { Spec, ID } of readAll(image, 'raw/ctr-k8s.io-info')) {
          const row = rows.find(({ id }) => id === ID)
          const given: string[] = Spec.process.capabilities.bounding ?? []
          expect(new Set(row?.capabilities as string[]), ID).toEqual(new Set(given))
          const bound = Spec.mounts.filter(({ type }: Told) => type === 'bind')
          expect(row?.mounts, ID).toEqual(
            bound.map(({ source, destination: target, type, options }: Told) => ({ source, target, type, options })),
          )
        }
      })

      it("have their pods' addresses", () => {
        for (const { status } of readAll(image, 'raw/crictl-inspectp')) {
          if (status.state !== 'SANDBOX_READY') continue
          const pod = read('containers').rows.filter(
            ({ pod_uid, state }) => pod_uid === status.metadata.uid && state === 'running',
          )
          expect(pod.length).toBeGreaterThan(0)
          const own = { name: null, interface: 'eth0', address: `${status.network.ip}/24` }
          const shared = status.linux.namespaces.options.network === 'NODE'
          const networks = [shared ? { name: 'host', interface: null, address: null } : own]
          expect(pod.map((row) => row.networks)).toEqual(pod.map(() => networks))
        }
      })
    } else {
      it('are what docker inspect told, whole rows and none too many', () => {
        const inspected = image.truth<Told[]>('raw/docker-inspect.json')
        const expected = inspected.map((told) => dockerRow(image, told, read('processes').rows)).sort(byId)
        const { rows, warnings } = read('containers')
        expect(rows.map((row, index) => pick(row, expected[index] ?? row))).toEqual(expected)
        expect(warnings).toEqual([])
        for (const told of inspected) {
          const row = rows.find(({ id }) => id === told.Id)
          const capabilities = row?.capabilities as string[] | null
          expect(capabilities && [...capabilities].sort(), told.Name).toEqual(dockerCapabilities(told))
          expect(new Set(row?.mounts as object[]), told.Name).toEqual(new Set(dockerMounts(told)))
        }
      })
    }

    it('have the first process that /proc told, with its start and its seccomp mode', () => {
      for (const row of read('containers').rows) {
        if (row.init_pid === null) continue
        const init = image.processes().find(({ pid }) => pid === row.init_pid)
        const process = read('processes').rows.find(({ pid }) => pid === row.init_pid)
        expect(process, `${row.id}`).toMatchObject({
          container: row.id,
          ppid: init?.ppid,
          pid_in_ns: init?.nspid.at(-1),
        })
        expect(row.seccomp, `${row.id}`).toBe(seccompOf(image, row.init_pid as number))
        // An engine says "started" some time after it made the process; a sandbox's start is its process's.
        if (row.kind === 'sandbox') expect(row.started, `${row.id}`).toBe(process?.started)
        else expect(`${row.started}` > `${process?.started}`, `${row.id}`).toBe(true)
      }
    })

    it('tell a source for each value', () => {
      for (const { sources, evidence, ...row } of read('containers').rows) {
        const known = Object.keys(row).filter((column) => row[column] !== null)
        expect(Object.keys(sources as object).sort(), `${row.id}`).toEqual(known.sort())
        expect(Object.values(sources as object).filter((source) => source === '')).toEqual([])
        expect(evidence, `${row.id}`).not.toEqual([])
      }
    })

    it('are the containers of the processes table', () => {
      const counts = new Map<unknown, number>()
      for (const { container } of read('processes').rows) counts.set(container, (counts.get(container) ?? 0) + 1)
      counts.delete(null)
      const running = read('containers').rows.filter(({ processes }) => processes !== 0)
      expect(new Map(running.map(({ id, processes }) => [id, processes]))).toEqual(counts)
    })

    it('are the containers and pods of the cgroups table', () => {
      const containers = new Map(read('containers').rows.map((row) => [row.id, row]))
      const counts = new Map<unknown, number>()
      for (const { container, pod_uid, processes } of read('cgroups').rows) {
        if (container === null) continue
        expect(containers.get(container), `${container}`).toMatchObject({ id: container, pod_uid })
        counts.set(container, (counts.get(container) ?? 0) + (processes as number))
      }
      for (const { id, processes } of containers.values()) expect(counts.get(id) ?? 0, `${id}`).toBe(processes)
      const pods = new Set([...containers.values()].map(({ pod_uid }) => pod_uid))
      const uids = read('cgroups').rows.map(({ pod_uid }) => pod_uid)
      expect(uids.filter((uid) => uid !== null && !pods.has(uid))).toEqual([])
    })

    it('are the containers of the namespaces table', () => {
      const owners = new Map(read('processes').rows.map(({ pid, container }) => [pid, container]))
      const ids = new Set(read('containers').rows.map(({ id }) => id))
      const { rows } = read('namespaces')
      for (const { owner_pid, container } of rows) {
        expect(container, `${owner_pid}`).toBe(owner_pid === null ? null : owners.get(owner_pid))
        if (container !== null) expect(ids).toContain(container)
      }
      // Every container that has a process of its own has at least its own mounts.
      for (const row of read('containers').rows) {
        if (row.init_pid === null) continue
        const own = rows.filter(({ container, type }) => container === row.id && type === 'mnt')
        expect(own.length, `${row.id}`).toBeGreaterThan(0)
      }
    })
  })
}
