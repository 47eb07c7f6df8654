import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/injected-code.js'

const memory = {
  pid: 7,
  comm: 'x',
  container: 'c1',
  start: 4096,
  reasons: ['writable', 'anonymous'],
  disassembly: ['push rbp'],
}
const process = { pid: 7, comm: 'x', exe: '/usr/bin/x', args: ['x'], container: 'c1' }
const find = (row: object, of: object = process, libraries: object[] | null = []) =>
  evaluateRule(rule, {
    injected: [
      { ...memory, ...row },
      { ...memory, ...row },
    ],
    processes: [of],
    libraries,
  })

test('memory without a file is found once, code that slides and that of no installed program more severely', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7, container: 'c1' }, severity: 'medium' }])
  expect(find({ disassembly: Array(8).fill('nop') })).toMatchObject([{ severity: 'high', confidence: 'high' }])
  expect(find({}, { ...process, exe: '/tmp/.d' })).toMatchObject([{ severity: 'high' }])
  expect(find({ start: null, disassembly: null }, process, null)).toHaveLength(1)
  expect(find({ reasons: ['anonymous'] })).toMatchObject([{ severity: 'low' }])
})

test('neither compilers at run time, nor what has a file', () => {
  expect(find({}, { ...process, exe: '/usr/lib/jvm/bin/java' })).toEqual([])
  expect(find({}, process, [{ pid: 7, path: '/usr/lib/x86_64-linux-gnu/libffi.so.8' }])).toEqual([])
  expect(find({}, { ...process, exe: '/layers/jre/bin/java' })).toEqual([])
  expect(find({ path: '/memfd:doublemapper (deleted)' })).toEqual([])
  expect(find({ reasons: ['deleted'] })).toEqual([])
  expect(find({ reasons: null })).toEqual([])
  expect(find({}, { ...process, pid: 8 })).toEqual([])
})

test('a compiler that lies in a folder for temporary files is no excuse', () => {
  expect(find({}, { ...process, exe: '/tmp/java' })).toHaveLength(1)
})
