import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/runtime-socket-mounted.js'

const mount = { mnt_ns: 5, id: 9, container: 'c1', root: '/docker.sock', target: '/var/run/docker.sock' }

test.each(['/docker.sock', '/containerd/containerd.sock', '/crio/crio.sock', '/run/podman/podman.sock'])(
  '%s in a container is a remark',
  (root) => {
    expect(evaluateRule(rule, { mounts: [{ ...mount, root }] })).toMatchObject([{ about: { container: 'c1' } }])
  },
)

test('neither another socket, nor one in the mounts of the host', () => {
  const others = [
    { ...mount, root: '/mysqld.sock' },
    { ...mount, root: null },
    { ...mount, container: null },
  ]
  expect(evaluateRule(rule, { mounts: others })).toEqual([])
})
