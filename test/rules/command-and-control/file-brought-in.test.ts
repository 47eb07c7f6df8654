import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/command-and-control/file-brought-in.js'

const upper = '/var/lib/docker/overlay2/4f/diff'
const file = {
  container: 'c1',
  type: 'file',
  mode: '-rw-r--r--',
  born: '2026-01-01T01:00:00Z',
  path: `${upper}/opt/drop/x.txt`,
}
const first = { pid: 10, ppid: 5, container: 'c1', exe: '/bin/app', args: ['app'] }
const shim = { pid: 5, ppid: 1, container: null, exe: '/usr/bin/containerd-shim-runc-v2' }
const shell = { pid: 20, ppid: 5, container: 'c1', exe: '/bin/sh', args: ['sh'] }
const find = (changes: object, processes: object[] = [shim, first]) =>
  evaluateRule(
    rule,
    {
      containers: [{ id: 'c1', started: '2026-01-01T00:00:00Z', init_pid: 10 }],
      files: [{ ...file, ...changes }],
      mounts: [{ container: 'c1', mnt_ns: 9, target: '/', type: 'overlay', layers: [upper] }],
      processes,
    },
    [{ id: 'c1', init_pid: 10 }],
  )

test('a file is little by itself; a program, or somebody who came in, makes it more', () => {
  expect(find({})).toMatchObject([{ about: { container: 'c1' }, severity: 'low' }])
  expect(find({ mode: '-rwxr-xr-x', path: `${upper}/usr/bin/x` })).toMatchObject([{ severity: 'medium' }])
  expect(find({}, [shim, first, shell])).toMatchObject([{ severity: 'medium', evidence: [{}, { table: 'processes' }] }])
})

test.each([
  { born: '2026-01-01T00:00:10Z' },
  { born: null, changed: null },
  { path: `${upper}/var/lib/app/db` },
  { path: `${upper}/usr/lib/python3/__pycache__/x.pyc` },
  { path: null },
  { type: 'directory' },
  { container: null },
])('%j is none', (changes) => {
  expect(find(changes, [shim, first, shell])).toEqual([])
})
