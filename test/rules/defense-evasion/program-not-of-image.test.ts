import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/program-not-of-image.js'

const upper = '/var/lib/docker/overlay2/4f/diff'
const root = {
  container: 'c1',
  mnt_ns: 9,
  target: '/',
  type: 'overlay',
  layers: [upper, '/var/lib/docker/overlay2/3e/diff'],
}
const program = { pid: 7, ppid: 10, comm: 'x', args: ['x'], container: 'c1', mnt_ns: 9, exe: '/app/x' }
const file = { container: 'c1', path: `${upper}/app/x`, type: 'file', born: '2026-01-01T00:00:00Z' }
const find = (changes: { process?: object; mounts?: object[]; file?: object }) =>
  evaluateRule(rule, {
    containers: [{ id: 'c1', started: '2025-12-31T00:00:00Z' }],
    processes: [{ ...program, ...changes.process }],
    mounts: changes.mounts ?? [root],
    files: [{ ...file, ...changes.file }],
  })

test('what lies in the upper layer is not of the image', () => {
  expect(find({})).toMatchObject([
    { about: { pid: 7, container: 'c1' }, severity: 'medium', evidence: [{ table: 'processes' }, { table: 'files' }] },
  ])
})

test('a place for temporary or hidden things makes it worse', () => {
  const found = find({ process: { exe: '/tmp/.x/y' }, file: { path: `${upper}/tmp/.x/y` } })
  expect(found).toMatchObject([{ severity: 'high' }])
})

test('what was written while the container started is less', () => {
  expect(find({ file: { born: '2025-12-31T00:00:05Z' } })).toMatchObject([{ severity: 'low' }])
})

test.each([
  ['of a layer below', { file: { path: '/var/lib/docker/overlay2/3e/diff/app/x' } }],
  ['of another container', { file: { container: 'c2' } }],
  ['the path in another namespace', { process: { mnt_ns: 1 } }],
  ['a mount point', { mounts: [root, { ...root, target: '/app/x', type: 'ext4', layers: null }] }],
  ['of the host', { process: { container: null } }],
  ['unknown', { process: { exe: null } }],
])('what is %s is not', (_, changes) => {
  expect(find(changes)).toEqual([])
})
