import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/command-and-control/tunnel-interface.js'

const find = (kind: string | null, container: string | null = 'c1') =>
  evaluateRule(rule, { interfaces: [{ name: 'tun0', kind, container }], processes: [] })

test.each(['tun', 'wireguard'])('%s in a container', (kind) => {
  expect(find(kind)).toMatchObject([{ about: { container: 'c1' }, severity: 'medium' }])
})

test('neither another interface nor one of the host is', () => {
  expect(find('veth')).toEqual([])
  expect(find('ipip')).toEqual([])
  expect(find(null)).toEqual([])
  expect(find('wireguard', null)).toEqual([])
})

const host = { pid: 1, ppid: 0, container: null, uid: 0, net_ns: 1, user_ns: 1, exe: '/usr/lib/systemd/systemd' }
const conmon = { ...host, pid: 20, ppid: 1, uid: 1000, user_ns: 2, exe: '/usr/bin/conmon' }
const first = { pid: 21, ppid: 20, container: 'c1', uid: 1000, net_ns: 9, user_ns: 2, exe: '/bin/busybox' }
const pasta = { ...conmon, pid: 30, user_ns: 3, comm: 'pasta.avx2', exe: '/usr/bin/passt.avx2' }

/** The tunnel that podman makes for a user's container, with what is different about it. */
function userTunnel({ attached = ['30'], carrier = {}, of = {}, extra = {} }) {
  const tunnel = { name: 'ens3', kind: 'tun', container: 'c1', net_ns: 9, attached }
  const other = { ...pasta, pid: 31, ...extra }
  const processes = [host, conmon, { ...first, ...of }, { ...pasta, ...carrier }, other]
  return evaluateRule(rule, { interfaces: [tunnel], processes }, [
    { id: 'c1', init_pid: 21, image: null, pod_namespace: null },
  ])
}

test('that of a container without root, which a program of its user carries, is told and is no sign', () => {
  expect(userTunnel({})).toMatchObject([
    { severity: 'info', evidence: [{ table: 'interfaces' }, { table: 'processes', key: { pid: 30 } }] },
  ])
  expect(userTunnel({ carrier: { exe: '/usr/bin/slirp4netns' } })).toMatchObject([{ severity: 'info' }])
})

test.each([
  ['in the container', { carrier: { container: 'c1' } }],
  ['in the network that it carries', { carrier: { net_ns: 9 } }],
  ['in a third network', { carrier: { net_ns: 8 } }],
  ['of another user', { carrier: { uid: 1001 } }],
  ['from where everybody may write', { carrier: { exe: '/tmp/pasta' } }],
  ['of another name', { carrier: { exe: '/usr/bin/socat' } }],
  ['of a container that has the users of the host', { of: { user_ns: 1 } }],
  ['of which nobody knows', { attached: [] }],
  ['that is beside another who has it open', { attached: ['30', '31'], extra: { container: 'c1' } }],
  ['that is beside one who is unknown', { attached: ['30', '99'] }],
])('a carrier %s is no such program', (_, changes) => {
  expect(userTunnel(changes)).toMatchObject([{ severity: 'medium' }])
})
