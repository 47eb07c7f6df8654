import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/program-without-sections.js'

const file = { pid: 9, path: '/opt/x', type: 'executable', sections: 0 }
const process = { pid: 9, comm: 'x', exe: '/opt/x', args: ['x'], kernel_thread: false }
const find = (elf: object = {}, runs: object = {}) =>
  evaluateRule(rule, { elf: [{ ...file, ...elf }], processes: [{ ...process, ...runs }] })

test('a program that has no sections, by where it lies', () => {
  expect(find({ path: '/srv/x' }, { exe: '/srv/x' })).toMatchObject([{ about: { pid: 9 }, severity: 'medium' }])
  expect(find({ path: '/tmp/x' }, { exe: '/tmp/x' })).toMatchObject([{ severity: 'high' }])
  expect(find()).toMatchObject([{ severity: 'low' }])
})

test('not a program that has some, a library without, or a header that is not known', () => {
  expect(find({ sections: 27 })).toEqual([])
  expect(find({ sections: null })).toEqual([])
  expect(find({ path: '/opt/lib.so' })).toEqual([])
  expect(find({}, { kernel_thread: true })).toEqual([])
  expect(find({}, { exe: null })).toEqual([])
})
