import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/foreign-token-in-memory.js'

const token = {
  ...{ kind: 'service-account-token', where: 'memory', fingerprint: 'f1', foreign: true, comm: 'bash' },
  ...{ owner_pod: 'shop/web', owner_account: 'shop/default', pod: 'default/debug', container: 'c1' },
}
const find = (...rows: object[]) => evaluateRule(rule, { secrets: rows.map((row) => ({ ...token, ...row })) })

test('a token of another pod is found once for a container, however many processes have it', () => {
  const found = find({ pid: 7 }, { pid: 7 }, { pid: 8 })
  expect(found).toMatchObject([{ about: { pid: 7, container: 'c1' } }])
  expect(found[0]?.summary).toBe(
    'the token of ‘shop/web’, account ‘shop/default’, is in the memory of ‘bash’ and of 1 more of its container',
  )
  expect(find({ pid: 7 }, { pid: 9, fingerprint: 'f2' }, { pid: 9, container: 'c2' })).toHaveLength(3)
})

test('neither a pod’s own token, nor what the host’s processes have, nor what stands elsewhere', () => {
  expect(find({ foreign: false }, { foreign: null }, { container: null }, { where: 'environment' })).toEqual([])
  const nothing = { comm: null, owner_pod: null, owner_account: null, pod: null, fingerprint: null, pid: null }
  expect(find(nothing)).toHaveLength(1)
})
