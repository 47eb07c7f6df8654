import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/exec-in-audit-log.js'

const file = { kind: 'file', detail: { records: { covered: 9 } } }
const exec = {
  kind: 'exec',
  subject: 'jane@corp.example',
  pid: 11,
  container: 'c1',
  state: 'both',
  detail: { command: ['/bin/sh', '-i'], from: '203.0.113.9' },
}

test('an exec whose process still runs is found with its user', () => {
  const found = evaluateRule(rule, { evidence: [file, exec], processes: [{ pid: 11 }] })
  expect(found).toMatchObject([{ about: { pid: 11 }, evidence: [{ table: 'evidence' }, { table: 'processes' }] }])
  expect(found[0]?.summary).toBe(
    '‘jane@corp.example’ asked from ‘203.0.113.9’ for ‘/bin/sh -i’, which started this process',
  )
})

test('one whose process has ended, and one that no log has, are not', () => {
  const evidence = [file, { ...exec, state: 'evidence only' }, { ...exec, state: 'memory only' }]
  expect(evaluateRule(rule, { evidence, processes: [] })).toEqual([])
})
