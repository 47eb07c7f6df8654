import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/syscall-from-anonymous-memory.js'

const thread = { tid: 8, pid: 7, comm: 'x', syscall: 35, instruction_path: null, instruction_permissions: 'rwxp' }
const find = (changes: object) =>
  evaluateRule(rule, { stacks: [{ ...thread, ...changes }], processes: [], programs: [] })

test.each([
  [{}, 'high'],
  [{ instruction_path: '[stack]' }, 'high'],
  [{ instruction_path: '/memfd:x (deleted)', instruction_permissions: 'r-xs' }, 'medium'],
])('%j is %s', (changes, severity) => {
  expect(find(changes)).toMatchObject([{ about: { pid: 7 }, severity }])
})

test.each([
  { instruction_path: '/usr/lib/x86_64-linux-gnu/libc.so.6', instruction_permissions: 'r-xp' },
  { instruction_path: '[vdso]', instruction_permissions: 'r-xp' },
  { syscall: null },
  { instruction_permissions: null },
  { instruction_permissions: 'rw-p' },
])('%j is none', (changes) => {
  expect(find(changes)).toEqual([])
})

const sealed = '/memfd:runc_cloned:/proc/self/exe (deleted)'
const host = { pid: 1, ppid: 0, comm: 'systemd', container: null, mnt_ns: 1, exe: '/usr/lib/systemd/systemd' }
const shim = { ...host, pid: 5, ppid: 1, comm: 'containerd-shim', exe: '/usr/bin/containerd-shim-runc-v2' }
const runc = { ...host, pid: 6, ppid: 5, comm: 'runc', exe: sealed }
const starting = { instruction_path: sealed, instruction_permissions: 'r-xp', instruction_sealed: true }

/** A thread of a runtime that starts a container; what is different about it, and about who has it. */
function ofRuntime({ code = {}, of = {}, parent = {}, bytes = {} }) {
  const stacks = [{ ...thread, pid: 6, ...starting, ...code }]
  const copy = { pid: 6, exe: sealed, size: 100, sealed: true, copy_of: '/usr/sbin/runc', compared: 100 }
  const processes = [host, { ...shim, ...parent }, { ...runc, ...of }]
  return evaluateRule(rule, { stacks, processes, programs: [{ ...copy, ...bytes }] })
}

test('a runtime that starts a container runs from a sealed copy of itself', () => {
  expect(ofRuntime({})).toEqual([])
  expect(ofRuntime({ of: { comm: 'runc:[2:INIT]', container: 'c1', mnt_ns: 2 } })).toEqual([])
})

test.each([
  ['that is not sealed', { code: { instruction_sealed: false } }],
  ['of which nobody knows whether it is sealed', { code: { instruction_sealed: null } }],
  ['that it can write to', { code: { instruction_permissions: 'rwxp' } }],
  ['with other bytes than any runtime', { bytes: { copy_of: null, compared: null } }],
  ['of another program than it is', { of: { exe: '/usr/bin/sleep' } }],
  [
    'of which pages are gone, and that no engine started',
    { parent: { exe: '/usr/bin/bash' }, bytes: { compared: 60 } },
  ],
  ['that an engine of a container started', { parent: { container: 'c1', mnt_ns: 7 } }],
])('a copy %s is code of no file', (_, changes) => {
  expect(ofRuntime(changes)).toMatchObject([{ about: { pid: 6 } }])
})
