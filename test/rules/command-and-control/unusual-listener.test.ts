import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/command-and-control/unusual-listener.js'

const find = (exe: string | null, port: number | null, changes: object = {}, args = ['x']) =>
  evaluateRule(
    rule,
    {
      sockets: [{ pid: 7, fd: 3, state: 'LISTEN', local_address: '0.0.0.0', local_port: port }],
      processes: [{ pid: 7, ppid: 1, comm: 'x', container: null, args, exe, ...changes }],
    },
    [{ id: 'c1', init_pid: 10 }],
  )

test.each([
  ['/lab/standin', 8000, 'low'],
  ['/lab/standin', 4444, 'medium'],
  ['/tmp/.x/y', 4444, 'high'],
  ['/usr/bin/ncat', 8000, 'low'],
  ['/bin/busybox', 31337, 'medium', ['nc', '-lp', '31337']],
] as [string, number, string, string[]?][])('%s at %i is %s', (exe, port, severity, args) => {
  expect(find(exe, port, {}, args)).toMatchObject([{ about: { pid: 7 }, severity }])
})

test('what was brought into a container and listens there is found', () => {
  const shim = { pid: 5, ppid: 1, container: null, exe: '/usr/bin/containerd-shim-runc-v2' }
  const process = { pid: 7, ppid: 5, container: 'c1', exe: '/usr/bin/python3', args: ['python3'] }
  const sockets = [{ pid: 7, state: 'LISTEN', local_address: '::', local_port: 8000 }]
  expect(evaluateRule(rule, { sockets, processes: [shim, process] }, [{ id: 'c1', init_pid: 10 }])).toMatchObject([
    { about: { container: 'c1' }, severity: 'low' },
  ])
})

test.each([
  ['/usr/sbin/sshd', 22, {}],
  ['/opt/app/server', 4444, {}],
  ['/app/server', 8080, { container: 'c1' }],
  [null, 8080, {}],
  ['/lab/standin', null, {}],
])('%s is a service', (exe, port, changes) => {
  expect(find(exe, port, changes)).toEqual([])
})
