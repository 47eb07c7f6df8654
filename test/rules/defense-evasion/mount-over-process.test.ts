import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/mount-over-process.js'

const find = (target: string | null) =>
  evaluateRule(rule, { mounts: [{ mnt_ns: 1, id: 9, container: null, type: 'tmpfs', root: '/', target }] })

test.each(['/proc/1499', '/proc/1/cmdline'])('%s is found', (target) => {
  expect(find(target)).toHaveLength(1)
})

test.each(['/proc/sys', '/proc/kcore', '/host/proc', '/proc', null])('%s is not', (target) => {
  expect(find(target)).toEqual([])
})
