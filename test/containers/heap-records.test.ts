/** Records of containers in the memory of daemons, on pieces of real ones. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildContainers } from '../../src/containers/containers.js'
import { readCriMessage } from '../../src/containers/cri-messages.js'
import { type Carved, carveConmon, carveDaemons } from '../../src/containers/heap-records.js'
import { cgroup, evidence, own, process } from './evidence.js'
import { daemon, PIECES, piece } from './heap.js'

const FRONTEND = '22903caf7ab253f49876eb30efbd79d8bbaf990bea40ca47f64e6c77e53035bc'
const SANDBOX = 'a26d3c6ab37ad59b4bfd7d3e59d4b51dad9cd72aaa8e790d7203ea2a8c478836'
const MAILER = '59c2d31a4ed4704b05fd2247c0bfb0b33975112d2cda414b96e7c3155630ef91'
const WEB = '018e0db6fd2235955d2af775066ab09d56b86a13e68e7522fe5b1935d34b0571'
const pod = {
  pod_name: 'checkout-775494b78b-6h7dj',
  pod_namespace: 'payments',
  pod_uid: '4fd2c44f-52cb-42a7-a7e4-ea5a520915e0',
}

function carve(id: string, ...texts: string[]): Carved | undefined {
  return carveDaemons([daemon('kubelet', texts)], [id]).records.get(id)?.[0]
}

describe('memory of engines and of the kubelet', () => {
  it('has containers and sandboxes as they are listed, every second', () => {
    expect(carve(FRONTEND, piece('message of a container'))).toMatchObject({
      ...{ kind: 'container', name: 'frontend', image: 'docker.io/library/nginx:1.22', sandbox_id: SANDBOX, ...pod },
      ...{ image_id: 'sha256:ad95d489e21e6d964e4129983550ca21b1df27c4a454decfb5d156ff367cd039', restarts: 0 },
      source: 'memory of kubelet (carved)',
    })
    expect(carve(SANDBOX, piece('message of a sandbox'))).toMatchObject({ kind: 'sandbox', name: null, ...pod })
  })

  it("has containerd's own records", () => {
    expect(carve(FRONTEND, piece('record of a container'))).toMatchObject({
      ...{ kind: 'container', name: 'frontend', image: 'docker.io/library/nginx:1.22', sandbox_id: SANDBOX, ...pod },
    })
  })

  it('has what the kubelet tells the API', () => {
    expect(carve(MAILER, piece('status for the API'))).toMatchObject({
      ...{ kind: 'container', name: 'report-mailer', image: 'docker.io/library/busybox:1.35', restarts: 4 },
    })
  })

  it('has what dockerd wrote down and answered', () => {
    const web = { name: 'shop-web-1', image: 'shop/web:1.4', image_id: expect.stringMatching(/^sha256:d591ec93/) }
    expect(carve(WEB, piece('answer to ps'))).toMatchObject({ ...web, docker: null })
    expect(carve(WEB, piece('configuration as created'))?.docker).toMatchObject({ running: false, started: null })
    const both = [piece('configuration as started'), piece('configuration as created')]
    for (const texts of [both, both.toReversed()])
      expect(carve(WEB, ...texts)).toMatchObject({ ...web, docker: { running: true, pid: 863 } })
  })

  it('counts what most of its copies say, and of as many nothing', () => {
    const ps = piece('answer to ps')
    const old = ps.replaceAll('/shop-web-1', '/shop-old-1')
    expect(carve(WEB, ps, old, ps)?.name).toBe('shop-web-1')
    expect(carve(WEB, ps, old)).toMatchObject({ name: null, image: 'shop/web:1.4' })
  })

  it("has what CRI-O wrote to containers/storage, podman's containers among it", () => {
    const uid = 'c4a1d7b0-6e2f-4d18-b7aa-91f0e3c5d603'
    const long = (container: string) => `k8s_${container}_ledger_finance_${uid}_1`
    const written = (id: string, names: string[], metadata: object) =>
      JSON.stringify([{ id, names, image: '47bd9c4a', layer: 'd89c', metadata: JSON.stringify(metadata) }])
    const pod = { pod_name: 'ledger', pod_namespace: 'finance', pod_uid: uid }
    const image = { 'image-name': 'localhost/corp/box:1', 'image-id': '47bd9c4a' }
    const container = written(FRONTEND, [long('app')], {
      ...{ 'pod-name': `k8s_ledger_finance_${uid}_0`, 'pod-id': SANDBOX, 'metadata-name': 'app', ...image },
    })
    expect(carve(FRONTEND, container)).toMatchObject({
      ...{ kind: 'container', name: 'app', image: 'localhost/corp/box:1', sandbox_id: SANDBOX, ...pod },
    })
    const sandbox = written(SANDBOX, [long('POD'), `k8s_ledger_finance_${uid}_0`], {
      ...{ 'pod-name': `k8s_ledger_finance_${uid}_0`, 'metadata-name': 'ledger', namespace: 'finance', uid, pod: true },
    })
    expect(carve(SANDBOX, sandbox)).toMatchObject({ kind: 'sandbox', name: null, ...pod })
    const podman = written(WEB, ['root-app'], { ...image, name: 'root-app', 'created-at': 1 })
    expect(carve(WEB, podman)).toMatchObject({ name: 'root-app', image: 'localhost/corp/box:1', pod_name: null })
  })

  describe('of conmon', () => {
    const uid = 'c4a1d7b0-6e2f-4d18-b7aa-91f0e3c5d603'
    /** The command line as it lies on the stack, between what the kernel put there and the environment. */
    const called = (...args: string[]) => `x86_64\0\0\0/usr/bin/conmon\0${args.join('\0')}\0PWD=/\0LANG=C.UTF-8\0`
    const told = (id: string, ...texts: string[]) => carveConmon(daemon('conmon', texts), id)[0]

    it('has what it was called with', () => {
      const podman = called('--api-version', '1', '-c', WEB, '-u', WEB, '-r', '/usr/bin/crun', '-n', 'root-app', '-s')
      expect(told(WEB, podman)).toMatchObject({ name: 'root-app', pod_name: null, source: 'memory of conmon (carved)' })
      const crio = called('-b', '/run/b', '-c', FRONTEND, '-n', `k8s_app_ledger_finance_${uid}_1`, '-P', '/run/p')
      expect(told(FRONTEND, crio)).toMatchObject({
        ...{ kind: 'container', name: 'app', pod_name: 'ledger', pod_namespace: 'finance', pod_uid: uid },
      })
    })

    it('has where it logs what a sandbox prints', () => {
      const log = `\0/var/log/pods/finance_ledger_${uid}/${SANDBOX}.log\0`
      expect(told(SANDBOX, log)).toMatchObject({
        ...{ kind: 'sandbox', name: null, pod_name: 'ledger', pod_namespace: 'finance', pod_uid: uid },
      })
    })

    it('tells of no other container, and nothing that is not its own command line', () => {
      const of = (id: string) => called('-c', id, '-n', 'root-app')
      expect(told(FRONTEND, of(WEB))).toBeUndefined()
      expect(told(WEB, of(WEB).replace('/usr/bin/conmon', '/usr/bin/sh'))).toBeUndefined()
      expect(told(WEB, called('--exit-command-arg', '-c', '-c', WEB))).toBeUndefined()
      expect(told(SANDBOX, `/var/log/pods/${SANDBOX}.log`)).toBeUndefined()
    })

    it('is asked where its arguments are gone, by whose child the first process is', () => {
      const cgroups = [cgroup(`/machine.slice/libpod-${WEB}.scope/container`, [700])]
      const text = called('-c', WEB, '-n', 'root-app')
      const rowsWith = (ppid: number) => {
        const processes = [process({ pid: 325, comm: 'conmon' }), process({ pid: 700, ppid, namespaces: own })]
        return buildContainers({ ...evidence({ cgroups, processes }), daemons: [daemon('conmon', [text])] }).rows
      }
      expect(rowsWith(325)).toMatchObject([{ name: 'root-app', sources: { name: 'memory of conmon (carved)' } }])
      expect(rowsWith(1)).toMatchObject([{ name: null }])
    })
  })

  it('tells nothing of a container whose id is not in the object', () => {
    const other = '0'.repeat(64)
    const texts = Object.values(PIECES).map(({ text }) => text)
    expect(carveDaemons([daemon('dockerd', texts)], [other]).records.size).toBe(0)
    // A sandbox that a container names is not what the container's record is about.
    expect(carve(SANDBOX, piece('message of a container'), piece('record of a container'))).toBeUndefined()
  })

  it('is asked of no more daemons than it takes', () => {
    const whole = daemon('containerd', [piece('message of a container')])
    const unasked = { ...whole, heap: () => expect.fail('asked') }
    expect(carveDaemons([whole, unasked], [FRONTEND]).records.get(FRONTEND)).toHaveLength(1)
    expect(carveDaemons([unasked], []).capped).toBe(false)
  })

  it('has records that are cut, changed or anything else: what is told of them was in them', () => {
    const pieces = Object.values(PIECES).map(({ text }) => text)
    const changed = fc.tuple(
      fc.constantFrom(...pieces),
      fc.nat(),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.nat(),
    )
    fc.assert(
      fc.property(changed, ([text, at, noise, cut]) => {
        const begin = at % text.length
        const changed = (text.slice(0, begin) + noise + text.slice(begin + noise.length)).slice(0, cut % text.length)
        for (const id of [FRONTEND, SANDBOX, MAILER, WEB]) {
          const found = carve(id, changed)
          if (found) expect(changed).toContain(id)
          if (found?.image) expect(changed).toContain(JSON.stringify(found.image).slice(1, -1))
        }
      }),
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readCriMessage(bytes)))
    const head = Buffer.from(`\n@${FRONTEND}`, 'latin1')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readCriMessage(Buffer.concat([head, bytes]))),
    )
  })
})

describe('containers that nothing else names', () => {
  const slice =
    '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod4fd2c44f_52cb_42a7_a7e4_ea5a520915e0.slice'
  const host = evidence({
    cgroups: [cgroup(`${slice}/cri-containerd-${FRONTEND}.scope`, [700])],
    processes: [process({ pid: 700, ppid: 690, namespaces: own })],
  })
  const kubelet = daemon('kubelet', [piece('message of a container')])

  it('are named by what is carved, which says so', () => {
    const { rows, warnings } = buildContainers({ ...host, daemons: [kubelet] })
    const source = 'memory of kubelet (carved)'
    expect(rows).toMatchObject([
      {
        ...{ name: 'frontend', image: 'docker.io/library/nginx:1.22', ...pod },
        sources: { name: source, image: source, pod_name: source, pod_uid: 'cgroup path' },
        evidence: [{ source, path: 'kubelet (pid 325)' }],
      },
    ])
    expect(warnings).toEqual([])
  })

  it('are not named by a daemon that runs in another container, and those in it are not by the host’s', () => {
    const other = 'c'.repeat(64)
    const inside = daemon('kubelet', [piece('message of a container')], other)
    expect(buildContainers({ ...host, daemons: [inside] }).rows).toMatchObject([{ name: null, image: null }])
    const nested = {
      ...host,
      cgroups: [cgroup(`/docker/${other}`, [600]), cgroup(`/docker/${other}/kubepods/pod1/${FRONTEND}`, [700])],
    }
    const named = (daemons: typeof inside) =>
      buildContainers({ ...nested, daemons: [daemons] }).rows.find(({ id }) => id === FRONTEND)?.name
    expect(named(kubelet)).toBeNull()
    expect(named(inside)).toBe('frontend')
  })
})
