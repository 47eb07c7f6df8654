import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/file-from-the-future.js'

const file = {
  type: 'file',
  path: '/usr/bin/x',
  mode: '-rwxr-xr-x',
  container: null,
  deleted: false,
  modified: '2030-01-01T00:00:00Z',
}
const processes = [
  { pid: 1, started: '2026-01-01T00:00:00Z' },
  { pid: 2, started: null },
]
const find = (row: object) => evaluateRule(rule, { files: [{ ...file, ...row }], processes })

test('a program from the future is found', () => {
  expect(find({})).toHaveLength(1)
})

test('neither an older one, nor what is no program, nor where nothing is known', () => {
  expect(find({ modified: '2026-01-02T00:00:00Z' })).toEqual([])
  expect(find({ modified: null })).toEqual([])
  expect(find({ mode: '-rw-r--r--' })).toEqual([])
  expect(find({ mode: null })).toEqual([])
  expect(evaluateRule(rule, { files: [file], processes: [{ pid: 1, started: null }] })).toEqual([])
})

test('where many are from the future the clock is wrong', () => {
  expect(evaluateRule(rule, { files: Array(30).fill(file), processes })).toEqual([])
})
