import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/library-without-file.js'

const memory = { pid: 7, comm: 'x', container: null, path: '/memfd:lib (deleted)', reasons: ['memfd'] }
const process = { pid: 7, ppid: 1, comm: 'x', exe: '/usr/bin/x', args: ['x'], container: null }
const find = (row: object, of: object = process) =>
  evaluateRule(rule, { injected: [{ ...memory, ...row }], processes: [of], programs: [] })

test('a library in memory alone, or deleted where everybody may write, is found', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7 } }])
  expect(find({ path: '/tmp/x.so (deleted)', reasons: ['deleted'] })).toHaveLength(1)
})

test('neither an upgraded package, nor the program itself, nor memory of compilers', () => {
  expect(find({ path: '/usr/lib/libc.so.6 (deleted)', reasons: ['deleted'] })).toEqual([])
  expect(find({}, { ...process, exe: '/memfd:lib (deleted)' })).toEqual([])
  expect(find({ path: '/memfd:doublemapper (deleted)' })).toEqual([])
  expect(find({ path: '/tmp/.glXa1b2c (deleted)', reasons: ['deleted'] })).toEqual([])
  expect(find({ path: null, reasons: null })).toEqual([])
})
