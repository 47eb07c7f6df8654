/** What was declared of containers, from each kind of record. */

import { describe, expect, it } from 'vitest'
import { buildContainers } from '../../src/containers/containers.js'
import { buildSettings } from '../../src/containers/settings.js'
import type { Evidence } from '../../src/containers/types.js'
import { FakeFiles } from './cached-files.js'
import { cgroup, evidence, own, process, shim, spec } from './evidence.js'
import { daemon, piece } from './heap.js'

const a = 'a'.repeat(64)
const hash = 'cc2d0c493fa24fbfde33422190399853'
const WEB = '018e0db6fd2235955d2af775066ab09d56b86a13e68e7522fe5b1935d34b0571'
const FRONTEND = '22903caf7ab253f49876eb30efbd79d8bbaf990bea40ca47f64e6c77e53035bc'

function settings(of: Partial<Evidence>, layers: readonly string[] | null = null) {
  const all = { ...evidence(of), daemons: of.daemons ?? [] }
  return buildSettings(buildContainers(all), all.daemons, () => layers)
}

const running = (path: string, pid = 700) => ({
  cgroups: [cgroup(path, [pid])],
  processes: [process({ pid, ppid: 690, namespaces: own })],
})

describe('settings of a Docker container', () => {
  const folder = `/var/lib/docker/containers/${a}`
  const config = (of: object = {}) => ({
    ...{ ID: a, Name: '/web', Path: 'nginx', Args: ['-g'], Image: `sha256:${'1'.repeat(64)}`, RestartCount: 3 },
    ...{ Created: '2026-11-23T12:00:00.5Z', LogPath: `${folder}/${a}-json.log` },
    State: { Running: true, ExitCode: 0, StartedAt: '2026-11-23T12:00:01Z', FinishedAt: '0001-01-01T00:00:00Z' },
    Config: { Labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' } },
    NetworkSettings: { Ports: { '80/tcp': [{ HostIp: '::', HostPort: '8080' }], '443/tcp': null } },
    ...of,
  })
  const host = {
    ...{ Privileged: false, NetworkMode: 'bridge', Memory: 1024, NanoCpus: 1_500_000_000, PidsLimit: -1 },
    ...{ RestartPolicy: { Name: 'always' }, PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } },
  }
  const files = (of: object = {}) =>
    new FakeFiles({
      [`${folder}/config.v2.json`]: JSON.stringify(config(of)),
      [`${folder}/hostconfig.json`]: JSON.stringify(host),
    })
  const path = `/system.slice/docker-${a}.scope`

  it('are those of its files', () => {
    const { rows, warnings } = settings({ ...running(path), files: files() }, ['/upper', '/lower'])
    expect(rows).toEqual([
      {
        ...{ container: a, command: ['nginx', '-g'], image_id: `sha256:${'1'.repeat(64)}`, restarts: 3 },
        ...{ created: '2026-11-23T12:00:00.500000Z', finished: null, exit_code: null, restart_policy: 'always' },
        ...{ ports: ['443/tcp', '[::]:8080->80/tcp'], log_path: `${folder}/${a}-json.log` },
        ...{ memory_limit: 1024, cpu_limit: 1500, pids_limit: null, ecs_task: null, layers: ['/upper', '/lower'] },
        ...{ compose_project: 'shop', compose_service: 'web' },
        labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' },
        sources: expect.objectContaining({ labels: 'config.v2.json', compose_project: 'config.v2.json' }),
      },
    ])
    expect(warnings).toEqual([])
  })

  it('tell how it ended, and which ports it was to have', () => {
    const State = {
      Running: false,
      ExitCode: 137,
      StartedAt: '2026-11-23T12:00:01Z',
      FinishedAt: '2026-11-23T13:00:00Z',
    }
    const { rows } = settings({ files: files({ State, NetworkSettings: { Ports: {} } }) })
    expect(rows).toMatchObject([{ exit_code: 137, finished: '2026-11-23T13:00:00.000000Z', ports: [':8080->80/tcp'] }])
  })

  it('are those that dockerd wrote down last, where the files are gone', () => {
    const texts = [piece('configuration as created'), piece('configuration as started')]
    const { rows } = settings({
      ...running(`/system.slice/docker-${WEB}.scope`),
      daemons: [daemon('dockerd', texts)],
    })
    const source = 'memory of dockerd (carved)'
    expect(rows).toMatchObject([
      {
        ...{ command: ['nginx', '-g', 'daemon off;'], restarts: 0, compose_service: 'web' },
        ports: ['0.0.0.0:8080->80/tcp', '[::]:8080->80/tcp'],
        log_path: expect.stringContaining('-json.log'),
        sources: { command: source, ports: source, labels: source, log_path: source },
      },
    ])
  })

  it('are what somebody else may have written, and no more', () => {
    const labels = { ['__proto__']: 'x', 'com.docker.compose.project': '\u001b[31m', constructor: 'y', number: 7 }
    const Ports = { '80/tcp': [{ HostIp: 7, HostPort: {} }, null, 'x'], [`${'9'.repeat(400)}/tcp`]: 'x' }
    const text = JSON.stringify(
      config({ Config: {}, Args: [1, null], NetworkSettings: { Ports }, RestartCount: 'many' }),
    )
    const given = text.replace(
      '"Config":{}',
      `"Config":{"Labels":${JSON.stringify(labels).replace('{', '{"__proto__":"x",')}}`,
    )
    const { rows } = settings({ ...running(path), files: new FakeFiles({ [`${folder}/config.v2.json`]: given }) })
    expect(rows).toMatchObject([{ restarts: null, command: ['nginx'], compose_project: '\u001b[31m' }])
    expect(Object.keys(rows[0]?.labels ?? {}).sort()).toEqual([
      '__proto__',
      'com.docker.compose.project',
      'constructor',
    ])
    expect(Object.getPrototypeOf(rows[0]?.labels)).toBe(Object.prototype)
  })
})

describe('settings of other containers', () => {
  const slice =
    '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod4fd2c44f_52cb_42a7_a7e4_ea5a520915e0.slice'

  it("are containerd's record, in its memory where its database is gone", () => {
    const { rows } = settings({
      ...running(`${slice}/cri-containerd-${FRONTEND}.scope`),
      daemons: [daemon('containerd', [piece('record of a container')])],
    })
    expect(rows).toMatchObject([
      {
        ...{ restarts: 0, ports: ['80/tcp'], labels: { 'io.kubernetes.container.name': 'frontend' } },
        image_id: 'sha256:ad95d489e21e6d964e4129983550ca21b1df27c4a454decfb5d156ff367cd039',
        sources: { ports: 'memory of containerd (carved)' },
      },
    ])
  })

  it('have the log that conmon was told', () => {
    const log = `/var/lib/containers/storage/overlay-containers/${a}/userdata/ctr.log`
    const conmon = (args: string[]) => {
      const { cgroups, processes } = running(`/machine.slice/libpod-${a}.scope`)
      const monitor = process({ pid: 690, comm: 'conmon', args: ['/usr/bin/conmon', '-c', a, '-u', a, ...args] })
      return settings({ cgroups, processes: [monitor, ...processes] }).rows[0]?.log_path
    }
    expect(conmon(['-l', `k8s-file:${log}`])).toBe(log)
    expect(conmon(['--log-path', log])).toBe(log)
    expect(conmon(['-l', 'journald'])).toBeNull()
  })

  it('name the ECS task: by the cgroup, by a label, on Fargate by the address of its metadata', () => {
    const bundle = (id: string, env: string[]) => {
      const declared = JSON.parse(spec({}))
      declared.process.env = env
      const path = `/run/containerd/io.containerd.runtime.v2.task/default/${id}/config.json`
      return new FakeFiles({ [path]: JSON.stringify(declared) })
    }
    const task = (of: Partial<Evidence>) =>
      settings(of).rows.map(({ ecs_task, sources }) => [ecs_task, sources.ecs_task])
    expect(task(running(`/ecs/${hash}/${a}`))).toEqual([[hash, 'cgroup path']])
    const fargate = `${hash}-1234567890`
    expect(task(running(`/ecs/${hash}/${fargate}`))).toEqual([[hash, 'cgroup path']])
    const uri = `ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/${fargate}`
    expect(task({ files: bundle(a, ['PATH=/bin', uri]) })).toEqual([[hash, 'OCI config.json']])
    // On instances of one's own it is an id that was made for this alone.
    const other = 'ECS_CONTAINER_METADATA_URI=http://169.254.170.2/v3/1b4bc0e6-2cd5-4bd7-8ee7-2b9d5e0e0d2a'
    expect(task({ files: bundle(a, [other]) })).toEqual([[null, undefined]])
    const labels = { 'com.amazonaws.ecs.task-arn': `arn:aws:ecs:eu-central-1:123456789012:task/shop/${hash}` }
    const config = JSON.stringify({ ID: a, Name: '/web', Config: { Labels: labels } })
    const files = new FakeFiles({ [`/var/lib/docker/containers/${a}/config.v2.json`]: config })
    expect(task({ files })).toEqual([[hash, 'config.v2.json']])
  })
})

describe('engines that are told apart by more than a path', () => {
  const rowsOf = (of: Partial<Evidence>) => buildContainers(evidence(of)).rows

  it("are Docker's where its shim says so, whatever its cgroup's parent is called", () => {
    const of = running(`/jobs/${a}`)
    const docker = rowsOf({ ...of, processes: [shim(690, 'moby', a), ...of.processes] })
    expect(docker).toMatchObject([{ runtime: 'docker', sources: { runtime: 'shim arguments' } }])
    const files = new FakeFiles({ [`/var/lib/docker/containers/${a}/config.v2.json`]: `{"ID":"${a}","Name":"/web"}` })
    expect(rowsOf({ ...of, files })).toMatchObject([{ runtime: 'docker', sources: { runtime: 'directory name' } }])
    expect(rowsOf(of)).toMatchObject([{ runtime: 'containerd', sources: { runtime: 'cgroup path (a guess)' } }])
  })

  it("are no containers where Kata's runtime keeps its own threads", () => {
    expect(rowsOf(running(`/kata_overhead/${a}`))).toEqual([])
  })

  it('are systemd-nspawn’s machines', () => {
    const path = '/machine.slice/systemd-nspawn@web.service'
    const { cgroups, processes } = running(`${path}/payload/init.scope`)
    const nspawn = process({ pid: 690, comm: 'systemd-nspawn' })
    expect(
      rowsOf({ cgroups: [...cgroups, cgroup(`${path}/supervisor`, [690])], processes: [nspawn, ...processes] }),
    ).toMatchObject([{ id: 'web', runtime: 'systemd-nspawn', processes: 1, init_pid: 700 }])
  })

  it("are Bottlerocket's host containers, of its second containerd, in the cgroup of the unit that started them", () => {
    const state = '/run/host-containerd'
    const files = new FakeFiles({
      [`${state}/io.containerd.runtime.v2.task/default/admin/config.json`]: spec({
        cgroupsPath: '/system.slice/host-containers@admin.service',
      }),
      [`${state}/runc/default/admin/state.json`]: JSON.stringify({
        id: 'admin',
        init_process_pid: 700,
        created: '2026-11-23T12:00:00Z',
      }),
    })
    const cgroups = [cgroup('/system.slice/host-containers@admin.service', [680, 700])]
    const processes = [
      process({ pid: 680, comm: 'host-ctr' }),
      shim(690, 'default', 'admin'),
      process({ pid: 700, ppid: 690, namespaces: own }),
    ]
    expect(rowsOf({ files, cgroups, processes })).toMatchObject([
      { id: 'admin', runtime: 'containerd', state: 'running', init_pid: 700 },
    ])
  })
})
