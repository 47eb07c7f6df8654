import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/kernel-memory-open.js'

const file = { pid: 7, comm: 'x', fd: 3, type: 'character', path: '/dev/mem', container: null }
const find = (row: object, exe: string | null = '/tmp/x') =>
  evaluateRule(rule, {
    files: [{ ...file, ...row }],
    processes: [{ pid: 7, comm: 'x', exe, args: ['x'], container: null }],
  })

test('it is most severe in a container, and least with an installed or known tool', () => {
  expect(find({ container: 'c1' })).toMatchObject([{ severity: 'high' }])
  expect(find({ path: '/proc/kcore' })).toMatchObject([{ severity: 'medium' }])
  expect(find({}, '/usr/sbin/dmidecode')).toMatchObject([{ severity: 'low' }])
  expect(find({ comm: 'avml' }, '/root/avml')).toMatchObject([{ severity: 'low' }])
  expect(find({ path: '/host/dev/mem', pid: 9 })).toHaveLength(1)
})

test.each(['/dev/null', '/proc/kcore.x', '/srv/dev/x/mem', null])('%s is not', (path) => {
  expect(find({ path })).toEqual([])
})
