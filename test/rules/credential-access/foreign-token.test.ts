import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/foreign-token.js'

const token = {
  ...{ kind: 'service-account-token', where: 'environment', fingerprint: 'f1', foreign: true },
  ...{ owner_pod: 'shop/web', owner_account: 'shop/default', pod: 'default/debug', container: 'c1' },
}

test('a token of another pod is found once for all processes that have it', () => {
  const found = evaluateRule(rule, {
    secrets: [
      { ...token, pid: 7 },
      { ...token, pid: 8 },
    ],
  })
  expect(found).toMatchObject([{ about: { pid: 7, container: 'c1' }, evidence: [{ table: 'secrets' }, {}] }])
  expect(found[0]?.summary).toBe(
    'the token of ‘shop/web’, account ‘shop/default’, stands in the environment of 2 processes of ‘default/debug’',
  )
})

test('two tokens, or one in two containers or in a file, are findings of their own', () => {
  const secrets = [
    { ...token, pid: 7 },
    { ...token, pid: 7, fingerprint: 'f2' },
    { ...token, pid: 9, container: 'c2' },
    { ...token, where: 'file', path: '/tmp/t', container: null, pod: null },
  ]
  expect(evaluateRule(rule, { secrets })).toHaveLength(4)
})

test('neither a pod’s own token nor any other secret is found, whatever else is null', () => {
  expect(evaluateRule(rule, { secrets: [{ ...token, where: 'memory' }] })).toEqual([])
  expect(evaluateRule(rule, { secrets: [{ ...token, foreign: false }, { foreign: null }, {}] })).toEqual([])
  const nothing = { where: null, path: null, owner_pod: null, owner_account: null, pod: null, fingerprint: null }
  expect(evaluateRule(rule, { secrets: [{ foreign: true, ...nothing }] })).toHaveLength(1)
})
