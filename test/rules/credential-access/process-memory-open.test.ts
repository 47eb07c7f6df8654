import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/process-memory-open.js'

const process = { pid: 7, pid_in_ns: 3, comm: 'x', exe: '/tmp/x', args: ['x'], container: 'c1' }
const find = (path: string | null, of: object = process) =>
  evaluateRule(rule, { files: [{ pid: 7, fd: 4, type: 'file', path }], processes: [of] })

test('the memory of another process is found, with a debugger as a remark', () => {
  expect(find('/proc/99/mem')).toMatchObject([{ about: { pid: 7, container: 'c1' }, severity: 'high' }])
  expect(find('/host/proc/1/task/1/mem')).toHaveLength(1)
  expect(find('/proc/99/mem', { ...process, exe: '/usr/bin/gdb', container: null })).toMatchObject([
    { severity: 'low' },
  ])
})

test.each(['/proc/7/mem', '/proc/3/mem', '/proc/99/maps', '/proc/self/mem', '/proc/meminfo', null])(
  '%s is not',
  (path) => {
    expect(find(path)).toEqual([])
  },
)
