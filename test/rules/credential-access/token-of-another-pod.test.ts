import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/token-of-another-pod.js'

const tokenOf = (claims: unknown) =>
  `eyJhbGciOiJub25lIn0.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
const theirs = tokenOf({
  'kubernetes.io': { namespace: 'payments', pod: { name: 'web', uid: 'u2' }, serviceaccount: { name: 'web' } },
})
const variable = { pid: 7, comm: 'sh', container: 'c1', name: 'T', value: theirs }
const find = (row: object, pod_uid: string | null = 'u1') =>
  evaluateRule(rule, { environment: [{ ...variable, ...row }], containers: [{ id: 'c1', pod_uid }] })

test('a token of another pod is found, without its text', () => {
  const [found] = find({})
  expect(found).toMatchObject({ about: { pid: 7, container: 'c1' }, severity: 'high' })
  expect(found?.summary).toBe('‘T’ holds a token of ‘web’ for the pod ‘web’ in ‘payments’')
  expect(find({ container: null })).toMatchObject([{ severity: 'high' }])
  expect(find({}, null)).toMatchObject([{ severity: 'low' }])
})

test('neither its own, nor one of no pod, nor what is none', () => {
  expect(find({}, 'u2')).toEqual([])
  expect(find({ value: tokenOf({ 'kubernetes.io/serviceaccount/service-account.name': 'x' }) })).toEqual([])
  for (const value of [
    null,
    '',
    'eyJ',
    'eyJ.x.y',
    'eyJ.!!.z',
    tokenOf(null),
    tokenOf([7]),
    tokenOf({ 'kubernetes.io': 7 }),
  ]) {
    expect(find({ value })).toEqual([])
  }
})
