import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/exec-without-audit-record.js'

const file = { kind: 'file', detail: { records: { covered: 9 } } }
const process = {
  kind: 'exec',
  subject: 'sh',
  pid: 13,
  container: 'c1',
  time: '2026-11-23T22:03:07.100098Z',
  state: 'memory only',
  detail: { args: ['/bin/sh'], execs_logged: 4 },
}

test('a process that no log knows is found, with less certainty where the log has no exec at all', () => {
  const evidence = [file, process, { ...process, pid: 14, detail: { execs_logged: 0 } }]
  const found = evaluateRule(rule, { evidence, processes: [{ pid: 13 }] })
  expect(found).toMatchObject([{ about: { pid: 13 } }, { about: { pid: 14 }, severity: 'medium', confidence: 'low' }])
})

test('one that the log knows is not, and a container that a list lacks is another matter', () => {
  const evidence = [file, { ...process, state: 'both' }, { ...process, kind: 'container' }]
  expect(evaluateRule(rule, { evidence, processes: [] })).toEqual([])
})
