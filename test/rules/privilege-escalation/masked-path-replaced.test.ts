import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/masked-path-replaced.js'

const mount = { mnt_ns: 2, id: 9, container: 'c1', type: 'proc', options: 'rw,nosuid' }
const find = (row: object) => evaluateRule(rule, { mounts: [{ ...mount, ...row }] })

test.each([
  ['/proc/kcore', '/sys/kernel/core_pattern'],
  ['/dev/console', '/sysrq-trigger'],
  ['/proc/sys', '/sys'],
  ['/proc/irq', '/1'],
])('at %s, %s is found', (target, root) => {
  expect(find({ target, root })).toMatchObject([{ about: { container: 'c1' } }])
})

test('neither the covers of engines, nor what is read-only, nor what the host has, nor what is not known', () => {
  expect(find({ target: '/proc/kcore', root: '/null', type: 'tmpfs' })).toEqual([])
  expect(find({ target: '/proc/acpi', root: '/', type: 'tmpfs' })).toEqual([])
  expect(find({ target: '/dev/console', root: '/0', type: 'devpts' })).toEqual([])
  expect(find({ target: '/proc/sys', root: '/sys', options: 'ro,nosuid' })).toEqual([])
  expect(find({ target: '/proc/cpuinfo', root: '/proc/cpuinfo', type: 'fuse.lxcfs' })).toEqual([])
  expect(find({ target: '/proc/kcore', root: '/kcore', container: null })).toEqual([])
  expect(find({ target: '/proc/kcore', root: null, type: null, options: null })).toEqual([])
})
