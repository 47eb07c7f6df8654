import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/disguised-file.js'

const file = { type: 'file', mode: '-rwxr-xr-x', mount_id: 3, container: null, deleted: false }
const find = (path: string | null, row: object = {}) => evaluateRule(rule, { files: [{ ...file, path, ...row }] })

test.each(['/dev/...', '/tmp/.. ', '/usr/lib/a\u0008b', '/tmp/.d', '/usr/bin/.ps', '/srv/a\u202etxt.sh'])(
  '%j is found',
  (path) => {
    expect(find(path)).toHaveLength(1)
  },
)

test.each(['/root/.bashrc', '/usr/lib64/.libcrypto.so.hmac', '/tmp/x', '/home/u/.local/bin/x', '/srv/größe', null])(
  '%j is not',
  (path) => {
    expect(find(path)).toEqual([])
  },
)

test('neither a hidden file that is no program, nor one that is deleted or seen nowhere', () => {
  expect(find('/tmp/.lock', { mode: '-rw-r--r--' })).toEqual([])
  expect(find('/tmp/.X11-unix', { type: 'directory' })).toEqual([])
  expect(find('/tmp/.d', { deleted: true })).toEqual([])
  expect(find('/tmp/.d', { mount_id: null })).toEqual([])
})
