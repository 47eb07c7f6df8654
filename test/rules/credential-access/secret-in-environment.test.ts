import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/secret-in-environment.js'

const find = (...variables: (readonly [string | null, string | null])[]) =>
  evaluateRule(rule, {
    environment: variables.map(([name, value], pid) => ({ pid, comm: 'x', container: 'c1', name, value })),
  })

test('a key is told once for its container, and never shown', () => {
  const found = find(
    ['AWS_SECRET_ACCESS_KEY', 'sesame'],
    ['AWS_SECRET_ACCESS_KEY', 'sesame'],
    ['X', 'AKIAABCDEFGHIJKLMNOP'],
  )
  expect(found).toMatchObject([{ about: { pid: 0 }, severity: 'low' }, { about: { pid: 2 } }])
  expect(JSON.stringify(found.map(({ summary }) => summary))).not.toContain('sesame')
  expect(find(['DB_PASSWORD', 'x'])).toMatchObject([{ severity: 'info' }])
})

test('neither a path to it, nor other variables', () => {
  expect(
    find(['DB_PASSWORD', '/run/secrets/db'], ['TOKEN', ''], ['HOME', 'x'], ['PASSWORDLESS', '1'], [null, null]),
  ).toEqual([])
})

test('a service account’s token is for foreign-token to tell, and any other token is told', () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = (claims: object) => `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`
  const bound = { 'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'web' } } }
  expect(find(['TOKEN', token(bound)])).toEqual([])
  expect(find(['TOKEN', token({ sub: 'somebody' })])).toHaveLength(1)
})
