import { describe, expect, it } from 'vitest'
import { buildContainers } from '../../src/containers/containers.js'
import { parseContainerEnvironment } from '../../src/containers/podman-userdata.js'
import { FakeFiles } from './cached-files.js'
import { cgroup, defaultCaps, evidence, own, process, shim, spec } from './evidence.js'

const a = 'a'.repeat(64)
const b = 'b'.repeat(64)
const userdata = (id: string) => `/run/containers/storage/overlay-containers/${id}/userdata`
const scope = (id: string) => `/machine.slice/libpod-${id}.scope`
const conmon = process({ pid: 690, comm: 'conmon', args: ['/usr/bin/conmon', '-c', a, '-u', a, '-n', 'web'] })
const init = process({ pid: 700, ppid: 690, namespaces: own, hostname: 'web', cap_bset: defaultCaps, seccomp: 2 })

describe("podman's container under crun", () => {
  it.each(['/run/crun', '/run/user/1000/crun'])('has its declaration beside its status in %s', (root) => {
    const files = new FakeFiles({
      [`${root}/${a}/status`]: JSON.stringify({ pid: 700, 'cgroup-path': scope(a) }),
      [`${root}/${a}/config.json`]: spec({
        hostname: 'web',
        annotations: { 'io.container.manager': 'libpod', 'io.podman.annotations.privileged': 'FALSE' },
        mounts: [{ destination: '/data', type: 'bind', source: '/srv/data', options: ['rbind'] }],
      }),
    })
    const { rows, warnings } = buildContainers(
      evidence({ cgroups: [cgroup(scope(a), [700])], processes: [conmon, init], files }),
    )
    expect(warnings).toEqual([])
    expect(rows).toMatchObject([
      {
        ...{ id: a, name: 'web', state: 'running', init_pid: 700, privileged: false, seccomp: 'filter' },
        mounts: [{ source: '/srv/data', target: '/data', type: 'bind', options: ['rbind'] }],
        sources: { init_pid: 'crun status', capabilities: 'OCI config.json', mounts: 'OCI config.json' },
        evidence: [{ source: 'OCI config.json' }, { source: 'crun status' }],
      },
    ])
  })

  it('is created while its init waits at the exec.fifo', () => {
    const files = new FakeFiles({
      [`/run/crun/${a}/status`]: JSON.stringify({ pid: 700, 'cgroup-path': scope(a) }),
      [`/run/crun/${a}/exec.fifo`]: '',
    })
    const cgroups = [cgroup(scope(a), [700])]
    expect(buildContainers(evidence({ cgroups, processes: [conmon, init], files })).rows).toMatchObject([
      { id: a, state: 'created', init_pid: 700 },
    ])
  })
})

describe("podman's container that ended", () => {
  it('is told by what conmon and podman left on the tmpfs', () => {
    const files = new FakeFiles({
      [`${userdata(a)}/conmon.pid`]: '690',
      [`${userdata(a)}/hostname`]: 'aaaaaaaaaaaa',
      [`${userdata(a)}/hosts`]: '127.0.0.1 localhost\n10.88.0.9 elsewhere\n10.88.0.5\taaaaaaaaaaaa corp-migrate\n',
      [`${userdata(a)}/.containerenv`]: `name="corp-migrate"\nid="${a}"\nimage="corp/batch:2"\nrootless=0`,
    })
    const { rows, warnings } = buildContainers(evidence({ files }))
    expect(warnings).toEqual([])
    expect(rows).toMatchObject([
      {
        ...{ id: a, runtime: 'podman', name: 'corp-migrate', image: 'corp/batch:2', state: 'exited', init_pid: null },
        hostname: 'aaaaaaaaaaaa',
        sources: {
          name: '.containerenv',
          image: '.containerenv',
          hostname: 'hostname file',
          state: "conmon's pid file",
        },
      },
    ])
  })

  it('is told by an empty cgroup and a directory, and goes by the name in its hosts file', () => {
    const files = new FakeFiles({
      [`${userdata(a)}/hostname`]: 'aaaaaaaaaaaa',
      [`${userdata(a)}/hosts`]: '127.0.1.1 aaaaaaaaaaaa aaaaaaaaaaaa corp-migrate\n',
    })
    const { rows } = buildContainers(evidence({ cgroups: [cgroup(scope(a), [])], files }))
    expect(rows).toMatchObject([
      { id: a, name: 'corp-migrate', state: 'exited', sources: { name: 'hosts file', state: 'empty cgroup' } },
    ])
  })

  it('has no state while nothing tells that it ever ran', () => {
    const files = new FakeFiles({ [`${userdata(a)}/hostname`]: 'aaaaaaaaaaaa' })
    expect(buildContainers(evidence({ files })).rows).toMatchObject([{ id: a, state: null }])
  })

  it('takes no name from a file that tells of another container', () => {
    expect(parseContainerEnvironment(`id="${b}"\nname="x"`, a)).toBeNull()
    expect(parseContainerEnvironment(`name="x\nid="${a}"`, a)).toEqual({ name: null, image: null })
  })
})

describe('an empty cgroup', () => {
  it('alone is a note and no row', () => {
    const cgroups = [cgroup(scope(b), []), cgroup(scope(a), [700]), cgroup(`/docker/${'c'.repeat(64)}`, [])]
    const { rows, warnings } = buildContainers(evidence({ cgroups, processes: [conmon, init] }))
    expect(rows.map(({ id }) => id)).toEqual([a])
    expect(warnings).toEqual([
      { code: 'leftover', message: 'only an empty cgroup is left of bbbbbbbbbbbb, cccccccccccc: no rows for these' },
    ])
  })

  it('is a row where a monitor or a directory knows its container', () => {
    const watched = buildContainers(evidence({ cgroups: [cgroup(scope(a), [])], processes: [conmon] }))
    expect(watched).toMatchObject({ rows: [{ id: a, name: 'web', state: null }], warnings: [] })
    const cgroups = [cgroup(`/system.slice/docker-${b}.scope`, [])]
    const shimmed = buildContainers(evidence({ cgroups, processes: [shim(600, 'moby', b)] }))
    expect(shimmed).toMatchObject({ rows: [{ id: b, runtime: 'docker' }], warnings: [] })
  })

  it('of which there are many is one note', () => {
    const cgroups = Array.from({ length: 1000 }, (_, index) => cgroup(scope(index.toString(16).padStart(64, '0')), []))
    const { rows, warnings } = buildContainers(evidence({ cgroups }))
    expect(rows).toEqual([])
    expect(warnings).toHaveLength(1)
    expect(warnings[0]?.message).toMatch(/ and 980 more: no rows for these$/)
  })
})
