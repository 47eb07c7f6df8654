import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/program-not-mapped.js'

const process = { pid: 9, comm: 'sshd', args: ['sshd'], exe: '/usr/sbin/sshd', state: 'S', kernel_thread: false }
const library = { pid: 9, path: '/usr/lib/libc.so.6', found_by: ['mapping', 'loader'] }
const find = (change: object, libraries: object[], torn = false) =>
  evaluateRule(rule, {
    processes: [{ ...process, ...change }],
    libraries: libraries.map((change) => ({ ...library, ...change })),
    info: [{ torn }],
  })

test('a process whose program is in none of its mappings', () => {
  expect(find({}, [{}, { path: '/tmp/implant' }])).toMatchObject([{ about: { pid: 9 }, severity: 'medium' }])
  expect(find({ exe: '/tmp/packed' }, [{}])).toMatchObject([{ severity: 'high' }])
  // Seen from another root it may have another path.
  expect(find({}, [{ path: '/srv/root/usr/sbin/sshd' }])).toMatchObject([{ severity: 'low' }])
  expect(find({}, [{}], true)).toMatchObject([{ severity: 'low', confidence: 'low' }])
})

test('not those whose program is mapped, or whose mappings are not known', () => {
  expect(find({}, [{}, { path: '/usr/sbin/sshd' }])).toEqual([])
  expect(find({}, [])).toEqual([])
  expect(find({}, [{ found_by: ['loader'] }, { found_by: null }])).toEqual([])
  expect(find({}, [{ path: null }])).toEqual([])
  expect(find({ state: 'Z' }, [{}])).toEqual([])
  expect(find({ exe: null }, [{}])).toEqual([])
  expect(find({ kernel_thread: null }, [{}])).toEqual([])
})
