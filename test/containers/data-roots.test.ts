/** Engines that were told to keep things elsewhere, and engines in containers. */

import { describe, expect, it } from 'vitest'
import { buildContainers } from '../../src/containers/containers.js'
import { dataRoots } from '../../src/containers/data-roots.js'
import { FakeFiles } from './cached-files.js'
import { cgroup, evidence, own, process } from './evidence.js'

const outer = 'a'.repeat(64)
const inner = 'b'.repeat(64)
const daemon = (exe: string, ...args: string[]) => process({ pid: 9, comm: 'd', exe, args: [exe, ...args] })
const empty = { docker: [], docker_state: [], containerd: [], containerd_state: [], storage: [] }

describe('where engines keep things', () => {
  const files = new FakeFiles({
    '/etc/docker/daemon.json': '{"data-root": "/mnt/docker", "exec-root": 7}',
    '/etc/containerd/config.toml': 'version = 2\nroot = "/mnt/containerd/"\n[plugins]\n  state = "/not/this"\n',
    '/etc/containers/storage.conf': '# x\n[storage]\ndriver = "overlay"\ngraphroot = \'/mnt/storage\' # y\n',
  })
  it.each<[string, ReturnType<typeof daemon>, object]>([
    [
      'dockerd by its arguments',
      daemon('/usr/bin/dockerd', '--data-root=/a', '--exec-root', '/b'),
      { docker: ['/a', '/mnt/docker'], docker_state: ['/b'] },
    ],
    ['dockerd by an older name', daemon('/usr/bin/dockerd', '-g', '/a', '--config-file', '/none'), { docker: ['/a'] }],
    [
      'containerd',
      daemon('/usr/bin/containerd', '--state', '/s'),
      { containerd: ['/mnt/containerd'], containerd_state: ['/s'] },
    ],
    ['k3s', daemon('/usr/local/bin/k3s', 'server', '--data-dir', '/k'), { containerd: ['/k/agent/containerd'] }],
    [
      'conmon',
      daemon('/usr/bin/conmon', '-c', inner, '-b', `/p/overlay-containers/${inner}/userdata`),
      { storage: ['/p'] },
    ],
    ['CRI-O', daemon('/usr/bin/crio'), { storage: ['/mnt/storage'] }],
    ['a path that goes up', daemon('/usr/bin/dockerd', '--data-root', '/a/../b', '--config-file', '/none'), {}],
    ['one that is none from the root on', daemon('/usr/bin/dockerd', '--data-root', 'a', '--config-file', '/none'), {}],
    ['another program', daemon('/usr/bin/sleep', '--data-root', '/a'), {}],
  ])('%s', (_, told, expected) => {
    expect(dataRoots([told], files)).toEqual({ ...empty, ...expected })
  })

  it('is where their containers are found', () => {
    const { rows } = buildContainers(
      evidence({
        processes: [daemon('/usr/bin/dockerd', '--data-root', '/mnt/docker')],
        files: new FakeFiles({
          [`/mnt/docker/containers/${outer}/config.v2.json`]: JSON.stringify({
            ID: outer,
            Name: '/web',
            Config: { Image: 'web:1' },
          }),
        }),
      }),
    )
    expect(rows).toMatchObject([{ id: outer, name: 'web', image: 'web:1', runtime: 'docker' }])
  })
})

it('an engine in a container is asked for its own, and never for what the host has', () => {
  const seen = new FakeFiles({
    [`/var/lib/docker/containers/${inner}/config.v2.json`]: JSON.stringify({
      ID: inner,
      Name: '/job',
      Config: { Image: 'job:2' },
    }),
    [`/var/lib/docker/containers/${outer}/config.v2.json`]: JSON.stringify({
      ID: outer,
      Name: '/forged',
      Config: { Image: 'x' },
    }),
  })
  const dockerd = process({
    pid: 70,
    container: outer,
    namespaces: own,
    exe: '/usr/local/bin/dockerd',
    args: ['dockerd'],
  })
  const job = process({ pid: 80, ppid: 70, container: inner, namespaces: { ...own, mnt: 202 } })
  const { rows } = buildContainers({
    ...evidence({
      cgroups: [cgroup(`/docker/${outer}`, [70]), cgroup(`/docker/${outer}/docker/${inner}`, [80])],
      processes: [dockerd, job],
      files: new FakeFiles({
        [`/var/lib/docker/containers/${outer}/config.v2.json`]: JSON.stringify({
          ID: outer,
          Name: '/dind',
          Config: { Image: 'docker:dind' },
        }),
      }),
    }),
    inner: [{ container: outer, files: seen, processes: [dockerd] }],
  })
  expect(rows).toMatchObject([
    { id: outer, name: 'dind', image: 'docker:dind', parent: null },
    { id: inner, name: 'job', image: 'job:2', parent: outer },
  ])
})

it('an engine in a container may have /var/run as a directory of its own, and there what it declared to its runtime', () => {
  const state = '/containerd/daemon/io.containerd.runtime.v2.task/moby'
  const spec = JSON.stringify({ ociVersion: '1.2.0', process: { args: ['sleep', '9'] }, hostname: 'job' })
  const started = JSON.stringify({ init_process_pid: 12, created: '2026-11-23T12:00:00Z' })
  const built = (tree: ConstructorParameters<typeof FakeFiles>[0]) => {
    const dockerd = process({ pid: 70, container: outer, namespaces: own, exe: '/usr/bin/dockerd', args: ['dockerd'] })
    // Its runtime knows it by the number that it has in the container.
    const job = process({ pid: 80, ppid: 70, container: inner, namespaces: { ...own, mnt: 202 } })
    return buildContainers({
      ...evidence({
        cgroups: [cgroup(`/docker/${outer}`, [70]), cgroup(`/docker/${outer}/docker/${inner}`, [80])],
        processes: [dockerd, job],
      }),
      inner: [
        { container: outer, files: new FakeFiles({ '/var/lib/docker/engine-id': '', ...tree }), processes: [dockerd] },
      ],
    })
  }
  for (const run of ['/var/run/docker', '/run/docker']) {
    const { rows, declarations } = built({
      [`${run}${state}/${inner}/config.json`]: spec,
      [`${run}/runtime-runc/moby/${inner}/state.json`]: started,
    })
    expect(declarations.get(inner)).toMatchObject({ spec: { args: ['sleep', '9'] }, source: 'OCI config.json' })
    expect(rows.find(({ id }) => id === inner)).toMatchObject({ parent: outer, runtime: 'docker', init_pid: 80 })
  }
  // A link leads to what is looked at anyway.
  const linked = built({ '/var/run': { link: '/run' }, [`/run/docker${state}/${inner}/config.json`]: spec })
  expect(linked.declarations.get(inner)?.spec.hostname).toBe('job')
})
