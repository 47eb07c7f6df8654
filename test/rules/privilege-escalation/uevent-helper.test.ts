import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/uevent-helper.js'

const find = (value: string | null) => evaluateRule(rule, { settings: [{ name: 'kernel.hotplug', value }] })

test('a helper is found, one in the files of a container more severely', () => {
  expect(find('/tmp/x')).toMatchObject([{ severity: 'high' }])
  expect(find('/var/lib/docker/overlay2/ab/diff/x')).toMatchObject([{ severity: 'critical' }])
})

test.each(['', '/sbin/hotplug', '/sbin/mdev', null])('%s is not', (value) => {
  expect(find(value)).toEqual([])
})
