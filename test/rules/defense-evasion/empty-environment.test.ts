import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/empty-environment.js'

const shell = {
  pid: 9,
  ppid: 1,
  comm: 'sh',
  exe: '/bin/sh',
  args: ['sh'],
  euid: 0,
  state: 'S',
  kernel_thread: false,
  container: null,
}
const find = (change: object = {}, environment: object[] = []) =>
  evaluateRule(rule, { processes: [{ ...shell, ...change }], environment, programs: [] })

test('a shell of root, and a program from an odd place, without variables', () => {
  expect(find()).toMatchObject([{ about: { pid: 9 }, severity: 'low' }])
  expect(find({ exe: '/dev/shm/x', args: ['[kworker/0:1]'] })).toMatchObject([{ severity: 'medium' }])
})

test('not those with variables, services, users’ processes, or what could not be read', () => {
  expect(find({}, [{ pid: 9, name: 'PATH' }])).toEqual([])
  expect(find({ exe: '/usr/sbin/nginx' })).toEqual([])
  expect(find({ euid: 1000 })).toEqual([])
  expect(find({ args: [] })).toEqual([])
  expect(find({ args: null })).toEqual([])
  expect(find({ kernel_thread: null })).toEqual([])
  expect(find({ exe: null })).toEqual([])
})
