/** What containers could do, against how Docker was told to start them. */

import { describe, expect, it } from 'vitest'
import { sharedImages, table } from './images.js'

interface Inspected {
  Id: string
  State: { Running: boolean }
  HostConfig: {
    Privileged: boolean
    NetworkMode: string
    PidMode: string
    CapAdd: string[] | null
    SecurityOpt: string[] | null
  }
  Mounts: { Source: string; RW: boolean }[]
}

const [docker, kubernetes] = sharedImages()

function exposures(path: string | undefined): Map<unknown, Set<unknown>> {
  const found = new Map<unknown, Set<unknown>>()
  for (const { container, exposure } of table('exposure', path ?? '').rows) {
    found.set(container, (found.get(container) ?? new Set()).add(exposure))
  }
  return found
}

describe(docker?.title ?? '', () => {
  docker?.require()

  it('has each way out that the options of docker run opened, and no other of these', () => {
    const found = exposures(docker?.as('elf'))
    const running = docker?.truth<Inspected[]>('raw/docker-inspect.json').filter(({ State }) => State.Running) ?? []
    expect(running.length).toBeGreaterThan(7)
    for (const { Id, HostConfig, Mounts } of running) {
      const { Privileged, CapAdd, NetworkMode, PidMode, SecurityOpt } = HostConfig
      const all = Privileged || CapAdd?.includes('SYS_ADMIN') === true
      const expected: Record<string, boolean> = {
        CE_PRIV_MOUNT: Privileged,
        CE_MODULE_LOAD: Privileged || CapAdd?.includes('SYS_MODULE') === true,
        CE_NSENTER: PidMode === 'host' && Privileged,
        LOAD_BPF: all,
        HOST_NETWORK: NetworkMode === 'host',
        EXPLOIT_CONTAINERD_SOCK: Mounts.some(({ Source }) => Source.endsWith('docker.sock')),
        EXPLOIT_HOST_WRITE: Mounts.some(({ Source, RW }) => Source === '/' && RW),
        NO_SECCOMP: Privileged || SecurityOpt?.includes('seccomp=unconfined') === true,
      }
      const names = Object.keys(expected)
      expect(names.filter((name) => found.get(Id)?.has(name) === true)).toEqual(names.filter((name) => expected[name]))
    }
  })
})

describe(kubernetes?.title ?? '', () => {
  kubernetes?.require()

  it('has the ways out of the one pod that may do everything, and not of those that may do nothing', () => {
    const { rows } = table('exposure', kubernetes?.as('elf') ?? '')
    const of = (name: string) => rows.filter((row) => row.container_name === name).map(({ exposure }) => exposure)
    expect(of('toolbox')).toEqual(
      expect.arrayContaining(['CE_NSENTER', 'CE_PRIV_MOUNT', 'EXPLOIT_HOST_WRITE', 'TOKEN_STEAL']),
    )
    for (const name of ['frontend', 'redis', 'log-tailer']) {
      expect([...new Set(of(name))].sort()).toEqual(['NO_SECCOMP', 'TOKEN_STEAL', 'UNCONFINED'])
    }
  })
})

for (const image of sharedImages()) {
  describe(`the node of ${image.title}`, () => {
    image.require()

    it('has the holes of the versions that its guest installed, and no other', () => {
      const versions = new Map(
        image
          .text('raw/packages.txt')
          .split('\n')
          .map((line) => line.split('\t') as [string, string]),
      )
      const runc = /^(\d+)\.(\d+)\.(\d+)/.exec(versions.get('runc') ?? '')?.[0]
      expect(runc).toMatch(/^1\.1\.\d+$/)
      const { rows } = table('exposure', image.as('elf'))
      const holes = rows.filter(({ exposure }) => `${exposure}`.startsWith('CVE-'))
      // Of all that are known here only runc's: containerd, kubelet and kernel are later than theirs.
      expect(holes.map(({ exposure }) => exposure)).toEqual([
        ...(Number(runc?.split('.')[2]) < 12 ? ['CVE-2024-21626'] : []),
        ...['CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881'],
      ])
      for (const { because, container } of holes) {
        expect(container).toBeNull()
        expect(because).toBe(
          `runc ${runc}, by the package runc ${versions.get('runc')}; its distribution may have mended it`,
        )
      }
    })
  })
}
