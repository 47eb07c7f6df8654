import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/program-on-tmpfs.js'

const mounts = [
  { mnt_ns: 9, target: '/', type: 'overlay' },
  { mnt_ns: 9, target: '/cache', type: 'tmpfs' },
  { mnt_ns: 9, target: '/tmp', type: 'tmpfs' },
  { mnt_ns: 9, target: '/cache/disk', type: 'ext4' },
  { mnt_ns: 1, target: '/app', type: 'tmpfs' },
  { mnt_ns: 9, target: null, type: null },
]
const find = (exe: string | null, changes: object = {}) =>
  evaluateRule(rule, {
    processes: [{ pid: 7, comm: 'x', args: ['x'], container: 'c1', mnt_ns: 9, exe, ...changes }],
    mounts,
  })

test('a program that lies on a tmpfs of its container', () => {
  expect(find('/cache/x')).toMatchObject([
    { about: { pid: 7, container: 'c1' }, severity: 'medium', evidence: [{}, {}] },
  ])
  expect(find('/tmp/x (deleted)')).toMatchObject([{ severity: 'high' }])
})

test.each([
  ['/app/x', {}],
  ['/cache/disk/x', {}],
  ['/cached/x', {}],
  ['/memfd:x (deleted)', {}],
  ['/cache/x', { container: null }],
  ['/cache/x', { mnt_ns: null }],
  [null, {}],
])('%s with %j is none', (exe, changes) => {
  expect(find(exe, changes)).toEqual([])
})
