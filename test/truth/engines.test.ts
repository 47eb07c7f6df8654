/** Containers of rarer engines against what these said: podman of a user, Docker in Docker, CRI-O, k3s, kind, runc and crun. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { engineSamples, type TruthImage, table } from './images.js'

type Row = Record<string, unknown>

interface Podman {
  Id: string
  Name: string
  ImageName: string
  Pod: string
  State: { Status: string; Pid: number }
}

interface Docker {
  Id: string
  Name: string
  Config: { Image: string; Hostname: string }
  State: { Status: string }
}

interface Cri {
  status: {
    id: string
    metadata: { name: string; namespace?: string; uid?: string }
    labels?: Record<string, string>
    image?: { image: string }
    userSpecifiedImage?: string
  }
  info: { pid: number }
}

interface Listed {
  id: string
  pid: number
  status: string
}

/** A container as its engine told it: what of a row is so. */
type Told = Row & { id: string }

/** What containers are named by, whose engine answers as podman does. */
function ofPodman(image: TruthImage, file: string): Told[] {
  return image.truth<Podman[]>(`raw/${file}.json`).map(({ Id, Name, ImageName, State }) => ({
    ...{ id: Id, name: Name, image: ImageName, runtime: 'podman', state: State.Status, parent: null },
    ...(State.Pid > 0 ? { init_pid: State.Pid } : {}),
  }))
}

/** The engine in the container that bears this name. */
function ofDocker(image: TruthImage, file: string, parent: string | null): Told[] {
  return (image.truth<Docker[] | null>(`raw/${file}.json`) ?? []).map(({ Id, Name, Config, State }) => ({
    ...{ id: Id, name: Name.slice(1), image: Config.Image, runtime: 'docker', state: State.Status, parent },
  }))
}

/** Pods' own containers, and theirs; within another container numbers of processes are not the host's. */
function ofCri(image: TruthImage, engine: string, runtime: string, parent: string | null): Told[] {
  const folder = join(image.folder, 'truth', 'raw', engine)
  return readdirSync(folder).flatMap((file): Told[] => {
    const isPod = file.startsWith('inspectp-')
    if (!isPod && !file.startsWith('inspect-')) return []
    const { status, info } = image.truth<Cri>(`raw/${engine}/${file}`)
    const { metadata, labels = {} } = status
    const pod = {
      pod_name: isPod ? metadata.name : labels['io.kubernetes.pod.name'],
      pod_namespace: isPod ? metadata.namespace : labels['io.kubernetes.pod.namespace'],
      pod_uid: isPod ? metadata.uid : labels['io.kubernetes.pod.uid'],
    }
    const known = { id: status.id, runtime, parent, kind: isPod ? 'sandbox' : 'container', name: metadata.name, ...pod }
    return [{ ...known, state: 'running', ...(parent === null ? { init_pid: info.pid } : {}) }]
  })
}

/** By hand: those that no engine's word is about. */
function ofRuntime(image: TruthImage, runtime: string, engines: readonly Told[]): Told[] {
  const all = image.truth<Listed[] | null>(`raw/${runtime}-list.json`) ?? []
  return all
    .filter(({ id }) => engines.every((told) => told.id !== id))
    .map(({ id, pid, status }) => ({ id, runtime, state: status, init_pid: pid, parent: null, name: null }))
}

for (const image of engineSamples()) {
  describe(image.title, () => {
    const host = image.truth<Docker[]>('raw/docker-inspect.json')
    const within = (name: string) => host.find(({ Name }) => Name === `/${name}`)?.Id ?? 'nobody'
    const engines = [
      ...ofDocker(image, 'docker-inspect', null),
      ...ofDocker(image, 'dind-inspect', within('dind')),
      ...ofPodman(image, 'podman-inspect'),
      ...ofPodman(image, 'rootless-inspect'),
      ...ofCri(image, 'crio', 'cri-o', null),
      ...ofCri(image, 'k3s', 'containerd', null),
      ...ofCri(image, 'kind', 'containerd', within('kind-control-plane')),
    ]
    const told = [...engines, ...ofRuntime(image, 'crun', engines), ...ofRuntime(image, 'runc', engines)]
    const { rows } = table('containers', image.as('lime'))
    const byId = new Map(rows.map((row) => [row.id, row]))
    const live = (state: unknown) => state === 'running' || state === 'paused'

    it.each(told.filter(({ state }) => live(state)).map((each) => [each.runtime, each.name ?? each.id, each] as const))(
      'has the running %s %s as its engine does',
      (_, __, { image: reference, ...each }) => {
        const row = byId.get(each.id)
        expect(row).toMatchObject(each)
        // What left the page cache is not known, and nothing else is said.
        expect([reference ?? row?.image, null]).toContain(row?.image)
      },
    )

    it('has all of them, and runs no other but what was made by containerd alone', () => {
      const running = rows.filter(({ state }) => live(state)).map(({ id }) => id)
      const known = new Set(told.filter(({ state }) => live(state)).map(({ id }) => id))
      const others = running.filter((id) => !known.has(id as string)).map((id) => byId.get(id)?.name ?? id)
      expect(others.sort()).toEqual(['nd-web', 'plain-ctr'])
      for (const runtime of ['docker', 'podman', 'cri-o', 'containerd', 'crun'])
        expect(told.filter((each) => each.runtime === runtime && live(each.state)).length, runtime).toBeGreaterThan(0)
      expect(told.filter(({ parent }) => parent !== null).length).toBeGreaterThan(1)
    })

    it('says of those that ended that they did, where it knows of them', () => {
      const ended = told.filter(({ state }) => state === 'exited')
      expect(ended.length).toBeGreaterThan(2)
      for (const { id, name } of ended) {
        const row = byId.get(id)
        if (row !== undefined)
          expect(row, `${name}`).toMatchObject({ name, state: 'exited', init_pid: null, processes: 0 })
      }
    })

    it("has who carries the packets of a user's container, and takes that for no intruder", () => {
      const tunnels = table('interfaces', image.as('lime')).rows.filter(({ kind }) => kind === 'tun')
      expect(tunnels).toMatchObject([{ container_name: 'dev-web', attached: [expect.stringMatching(/^\d+$/)] }])
      const [attached] = tunnels.flatMap((row) => row.attached as string[])
      const carrier = image.processes().find(({ pid }) => pid === Number(attached))
      expect(carrier).toMatchObject({
        comm: expect.stringMatching(/^pasta/),
        exe: expect.stringMatching(/^\/usr\/bin\/pas/),
      })
    })
  })
}
