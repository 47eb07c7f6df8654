import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/fileless-execution.js'

const running = (exe: string | null) => [{ pid: 7, comm: 'x', args: ['x'], container: null, exe }]

test.each(['/memfd:cfg (deleted)', 'memfd:cfg (deleted)', '/dev/shm/x'])('%s is no file on disk', (exe) => {
  expect(evaluateRule(rule, { processes: running(exe) })).toMatchObject([{ about: { pid: 7 } }])
})

test.each(['/usr/bin/memfd:x', '/tmp/x (deleted)', null])('%s is', (exe) => {
  expect(evaluateRule(rule, { processes: running(exe) })).toEqual([])
})
