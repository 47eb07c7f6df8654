/** Names, images and pods of containers as the memory of daemons alone has them, as if no file were in memory any more. */

import { describe, expect, it } from 'vitest'
import { buildContainers } from '../../dist/src/containers/containers.js'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { containerEvidence } from '../../dist/src/tables/containers.js'
import { NO_FILES } from '../../dist/src/tables/host-files.js'
import { sharedImage } from './images.js'

// biome-ignore lint/suspicious/noExplicitAny: what docker and crictl printed
type Told = any

type Rows = ReturnType<typeof buildContainers>['rows']

/** Rows by what the kernel and some daemons' memory tell, with no file and no mount. */
function rowsFrom(path: string, programs: readonly string[]): Rows {
  const kernel = Kernel.attach(Kernel.open(path, { cacheDir: null }).id, () => {})
  const { evidence } = containerEvidence(kernel)
  const daemons = (evidence.daemons ?? []).filter(({ program }) => programs.includes(program))
  const { rows, warnings } = buildContainers({ ...evidence, daemons, files: NO_FILES, mounts: new Map() })
  kernel.close()
  expect(warnings).toEqual([])
  return rows
}

const kubernetes = sharedImage('k8s-debian13')

describe(`memory of daemons of ${kubernetes.title}`, () => {
  kubernetes.require()

  it.each(['containerd', 'kubelet'])('names all that runs, by %s alone', (program) => {
    const rows = rowsFrom(kubernetes.as('elf'), [program])
    const containers: Told[] = kubernetes.truth<Told>('raw/crictl-ps.json').containers
    const pods: Told[] = kubernetes.truth<Told>('raw/crictl-pods.json').items
    const running = containers.filter(({ state }) => state === 'CONTAINER_RUNNING')
    const ready = pods.filter(({ state }) => state === 'SANDBOX_READY')
    expect([running.length, ready.length]).toEqual([9, 8])
    const source = `memory of ${program} (carved)`
    for (const { id, metadata, image, labels } of running) {
      const row = rows.find((each) => each.id === id)
      expect(row, id).toMatchObject({
        ...{ kind: 'container', name: metadata.name, image: image.userSpecifiedImage },
        pod_name: labels['io.kubernetes.pod.name'],
        pod_namespace: labels['io.kubernetes.pod.namespace'],
        pod_uid: labels['io.kubernetes.pod.uid'],
        sources: { name: source, image: source, pod_name: source },
      })
    }
    for (const { id, metadata } of ready)
      expect(
        rows.find((each) => each.id === id),
        id,
      ).toMatchObject({ kind: 'sandbox', name: metadata.name, pod_namespace: metadata.namespace })
    expect(rows).toHaveLength(running.length + ready.length)
  })
})

const docker = sharedImage('docker-debian12')

describe(`memory of dockerd of ${docker.title}`, () => {
  docker.require()

  it('names all that runs, with the images', () => {
    const rows = rowsFrom(docker.as('elf'), ['dockerd'])
    const running = docker.truth<Told[]>('raw/docker-inspect.json').filter(({ State }) => State.Running)
    expect(running).toHaveLength(9)
    for (const { Id, Name, Config } of running)
      expect(
        rows.find(({ id }) => id === Id),
        Name,
      ).toMatchObject({ name: Name.slice(1), image: Config.Image, sources: { name: 'memory of dockerd' } })
    expect(rows).toHaveLength(9)
  })
})
