import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/hidden-open-file.js'

const file = { pid: 7, comm: 'x', container: null, fd: 4, type: 'file', size: 96, deleted: true }
const found = (of: object) =>
  evaluateRule(rule, { openFiles: [{ ...file, path: '/var/tmp/.cache-db (deleted)', ...of }] })

test('a hidden file in a folder for all that is deleted and open', () => {
  expect(found({})).toMatchObject([{ about: { pid: 7 }, evidence: [{ table: 'open-files', key: { pid: 7 } }] }])
  expect(found({ path: '/opt/x/.y/.z (deleted)' })).toHaveLength(1)
})

test.each([
  ['one that is not hidden', { path: '/tmp/ibXYZ (deleted)' }],
  ['one that is there', { deleted: false, path: '/var/tmp/.cache-db' }],
  ['shared memory', { type: 'memfd', path: '/memfd:.x (deleted)' }],
  ['one without a path', { path: null }],
])('but not %s', (_, of) => {
  expect(found(of)).toEqual([])
})
