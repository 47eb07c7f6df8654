import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/mount-over-program.js'

const mount = { mnt_ns: 1, id: 9, root: '/.x/ps', source: '/dev/vda', target: '/usr/bin/ps' }
const find = (row: object) => evaluateRule(rule, { mounts: [{ ...mount, ...row }], processes: [{ pid: 1, mnt_ns: 1 }] })

test.each(['/usr/bin/ps', '/sbin/init', '/etc/passwd', '/etc/pam.d/sshd'])('%s of the host is found', (target) => {
  expect(find({ target })).toHaveLength(1)
})

test('neither a directory, nor other files, nor what a container has', () => {
  expect(find({ target: '/usr/lib/modules' })).toEqual([])
  expect(find({ target: '/etc/hosts' })).toEqual([])
  expect(find({ target: null })).toEqual([])
  expect(find({ mnt_ns: 2, target: '/sbin/docker-init' })).toEqual([])
})
