import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/deleted-file-held.js'

const file = {
  pid: 7,
  comm: 'x',
  container: null,
  fd: 3,
  type: 'file',
  path: '/var/tmp/.cache-db (deleted)',
  size: 9,
  deleted: true,
}
const find = (row: object) => evaluateRule(rule, { files: [{ ...file, ...row }] })

test('a hidden file that is deleted and held is found', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7 } }])
})

test('neither one that is there, nor one with an open name, nor one that is empty', () => {
  expect(find({ deleted: false })).toEqual([])
  expect(find({ path: '/tmp/#12 (deleted)' })).toEqual([])
  expect(find({ path: '/tmp/.ZendSem.x (deleted)', size: 0 })).toEqual([])
  expect(find({ path: null, size: null })).toEqual([])
})
