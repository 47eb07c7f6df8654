import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { carveCriRecords } from '../../src/containers/containerd-metadata.js'
import { buildContainers } from '../../src/containers/containers.js'
import { parseCrioState, parseCriStatus } from '../../src/containers/cri-status.js'
import { parseDockerConfig, parseDockerHostConfig } from '../../src/containers/docker-config.js'
import type { Parsed } from '../../src/containers/json.js'
import { parseContainerLogName, parsePodLogDirectory, parsePodLogPath } from '../../src/containers/kubelet-logs.js'
import { parseOciConfig } from '../../src/containers/oci-config.js'
import { parseStoredContainers } from '../../src/containers/podman-storage.js'
import { parseCrunStatus, parseRuncState } from '../../src/containers/runc-state.js'
import { parseConmonArguments, parseKubernetesName, parseShimArguments } from '../../src/containers/shim-args.js'
import { isoFromText } from '../../src/containers/time.js'
import { FakeFiles } from './cached-files.js'
import { evidence, process } from './evidence.js'

const id = 'a'.repeat(64)

describe('every parser', () => {
  const parsers: [string, (content: string) => Parsed<unknown>][] = [
    ['OCI config.json', parseOciConfig],
    ['state.json', parseRuncState],
    ['status', parseCrunStatus],
    ['config.v2.json', parseDockerConfig],
    ['hostconfig.json', parseDockerHostConfig],
    ['CRI status', parseCriStatus],
    ['CRI-O state', parseCrioState],
    ['containers.json', parseStoredContainers],
  ]
  const keys = fc.constantFrom(
    ...[
      'ociVersion',
      'process',
      'capabilities',
      'bounding',
      'linux',
      'mounts',
      'destination',
      'annotations',
      'ID',
      'Name',
    ],
    ...['State', 'Pid', 'StartedAt', 'Config', 'NetworkSettings', 'Networks', 'MountPoints', 'Privileged', 'Version'],
    ...['CreatedAt', 'id', 'metadata', 'init_process_pid', 'created', 'config', 'labels', '__proto__', 'constructor'],
  )
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom(id, '1.0.2', '2026-11-23T12:56:37Z', 'v1', 1e300, -1),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(keys, tie('value'), { maxKeys: 8 }),
    ),
  }))

  it.each(parsers)('takes any JSON and any text: %s', (_what, parse) => {
    const settled = (content: string): void => {
      const parsed = parse(content)
      expect(parsed.value === null).toBe(parsed.problem !== null)
    }
    fc.assert(fc.property(value, (json) => settled(JSON.stringify(json) ?? '')))
    fc.assert(fc.property(fc.string(), settled))
    settled(`${'['.repeat(100_000)}`)
    settled(`${'{"process":'.repeat(50_000)}1${'}'.repeat(50_000)}`)
  })

  it('takes any arguments and names', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 20 }), fc.string(), (args, name) => {
        for (const program of ['containerd-shim-runc-v2', 'conmon']) {
          parseShimArguments([program, ...args])
          parseConmonArguments([program, ...args])
        }
        for (const parse of [parsePodLogDirectory, parseContainerLogName, parsePodLogPath, parseKubernetesName])
          parse(name)
        carveCriRecords(`{"Version":"v1","Metadata":{"ID":"${name}`)
        isoFromText(name)
      }),
    )
  })

  it('leaves the table standing', () => {
    const places = [
      `/run/containerd/io.containerd.runtime.v2.task/moby/${id}/config.json`,
      `/run/containerd/runc/k8s.io/${id}/state.json`,
      `/var/lib/docker/containers/${id}/config.v2.json`,
      `/var/lib/docker/containers/${id}/hostconfig.json`,
      `/var/lib/containerd/io.containerd.grpc.v1.cri/containers/${id}/status`,
      '/var/lib/containers/storage/overlay-containers/containers.json',
    ]
    const tree = fc.dictionary(fc.constantFrom(...places), value, { maxKeys: 6 })
    fc.assert(
      fc.property(tree, fc.array(fc.string(), { maxLength: 5 }), (files, args) => {
        const texts = Object.entries(files).map(([path, json]) => [path, JSON.stringify(json) ?? ''])
        const of = evidence({
          files: new FakeFiles(Object.fromEntries(texts)),
          cgroups: [{ path: `/docker/${id}`, hierarchy: 'unified', pids: [7], frozen: null }],
          processes: [process({ pid: 7, ppid: 7, args })],
        })
        const table = buildContainers(of)
        expect(table.rows.map((row) => row.id)).toContain(id)
        expect(buildContainers(of)).toEqual(table)
      }),
    )
  })
})
