import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/file-among-devices.js'

const file = { type: 'file', path: '/dev/shmx', size: 9, mount_id: 3, container: null, deleted: false }
const find = (row: object) => evaluateRule(rule, { files: [{ ...file, ...row }] })

test('a file in /dev is found', () => {
  expect(find({})).toHaveLength(1)
  expect(find({ path: '/dev/.x/a' })).toHaveLength(1)
})

test('neither shared memory, nor what a container has, nor what is empty, deleted or no file', () => {
  for (const row of [
    { path: '/dev/shm/x' },
    { path: '/dev/termination-log', container: 'c1' },
    { size: 0 },
    { size: null },
    { deleted: true },
    { type: 'character' },
    { path: null },
    { mount_id: null },
  ]) {
    expect(find(row)).toEqual([])
  }
})
