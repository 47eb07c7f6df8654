import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/persistence/program-handler.js'

const format = { name: 'x', enabled: true, interpreter: '/tmp/.i', flags: 'OC', magic: '7f454c46' }
const find = (change: object = {}) => evaluateRule(rule, { formats: [{ ...format, ...change }] })

test('an interpreter that is not installed, and one that has the rights of set-uid files', () => {
  expect(find()).toMatchObject([{ severity: 'high', summary: expect.stringContaining('/tmp/.i') }])
  expect(find({ flags: '' })).toMatchObject([{ severity: 'medium' }])
  expect(find({ interpreter: '/usr/bin/bash' })).toMatchObject([{ severity: 'medium' }])
  expect(find({ interpreter: '/usr/bin/perl', flags: null })).toMatchObject([{ severity: 'low' }])
  expect(find({ enabled: false })).toMatchObject([{ severity: 'low' }])
})

test('not what packages register', () => {
  expect(find({ interpreter: '/usr/bin/qemu-aarch64-static', flags: 'OCF' })).toEqual([])
  expect(find({ interpreter: '/usr/bin/python3.11', flags: '' })).toEqual([])
  expect(find({ interpreter: null })).toEqual([])
  // The name alone makes no emulator.
  expect(find({ interpreter: '/tmp/qemu-aarch64', flags: 'F' })).toHaveLength(1)
})
