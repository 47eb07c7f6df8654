import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/weaker-than-declared.js'

const row = (aspect: string, more: object = {}) => ({
  ...{ container: 'c1', pid: 10, comm: 'web', aspect, name: null, declared: 'a', actual: 'b', weaker: true },
  ...more,
})
const find = (...drift: object[]) => evaluateRule(rule, { drift })

test.each(['seccomp', 'devices', 'lsm', 'no-new-privileges', 'read-only-root', 'read-only-path', 'mount', 'user'])(
  '%s that lets through more than was declared is found',
  (aspect) => {
    expect(find(row(aspect))).toMatchObject([{ about: { pid: 10, container: 'c1' }, severity: 'medium' }])
  },
)

test('all of one process is one finding, and another process another', () => {
  const found = find(row('seccomp', { name: 'mount' }), row('lsm'), row('lsm', { pid: 11 }))
  expect(found).toMatchObject([
    { summary: 'Less than declared holds it: ‘seccomp mount’, ‘lsm’', evidence: [{}, {}] },
    { about: { pid: 11 } },
  ])
})

test('a limit that was raised is low', () => {
  expect(find(row('limit', { pid: null }))).toMatchObject([{ severity: 'low' }])
})

test('neither what is stricter or only another, nor what other rules tell of', () => {
  expect(find(row('seccomp', { weaker: false }), row('executable', { weaker: null }))).toEqual([])
  expect(find(row('namespace'), row('capabilities'), row('masked-path'))).toEqual([])
})
