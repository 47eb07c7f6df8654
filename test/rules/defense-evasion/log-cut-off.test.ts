import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/log-cut-off.js'

const log = {
  pid: 9,
  comm: 'rsyslogd',
  container: null,
  fd: 7,
  type: 'file',
  path: '/var/log/auth.log',
  device: '8:1',
  inode: 4,
  flags: '0100001',
  position: 4096,
  size: 0,
  deleted: false,
}
const find = (...changes: object[]) => evaluateRule(rule, { files: changes.map((change) => ({ ...log, ...change })) })

test('a log that ends before the place where it is written, and one that is deleted', () => {
  expect(find({})).toMatchObject([{ about: { pid: 9 }, summary: expect.stringContaining('ends at 0 bytes, at 4096') }])
  expect(find({ path: '/var/log/auth.log (deleted)', position: 0, deleted: true })).toMatchObject([
    { summary: expect.stringContaining('is deleted') },
  ])
  const id = 'a'.repeat(64)
  expect(find({ path: `/var/lib/docker/containers/${id}/${id}-json.log` })).toHaveLength(1)
  expect(find({ position: 9007199254740993n, size: 9007199254740992n })).toHaveLength(1)
  // Several descriptors of one file are one finding.
  expect(find({}, { fd: 8 })).toHaveLength(1)
})

test('neither logs that are whole, nor what is read, nor what is no log', () => {
  expect(find({ position: 4096, size: 4096 })).toEqual([])
  expect(find({ flags: '0100000' })).toEqual([])
  expect(find({ path: '/proc/swaps' }, { path: '/srv/data.db' })).toEqual([])
  expect(find({ flags: null }, { position: null }, { size: null }, { path: null })).toEqual([])
})
