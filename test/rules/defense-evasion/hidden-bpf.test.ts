import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/hidden-bpf.js'

const find = (hidden: boolean | null, torn = false) =>
  evaluateRule(rule, {
    programs: [{ id: 3, address: 16, name: 'p', hidden }],
    links: [{ id: 1, attached_to: 'x', hidden }],
    maps: [{ id: 2, name: 'm', hidden }],
    info: [{ torn }],
  })

test('each that is hidden is found, on torn memory only as a possibility', () => {
  expect(find(true)).toHaveLength(3)
  expect(find(true, true)[0]).toMatchObject({ severity: 'low' })
})

test.each([false, null])('hidden %s is not', (hidden) => {
  expect(find(hidden)).toEqual([])
})
