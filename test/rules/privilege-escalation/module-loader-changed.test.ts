import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/module-loader-changed.js'

const find = (value: string | null) => evaluateRule(rule, { settings: [{ name: 'kernel.modprobe', value }] })

test.each([
  ['/tmp/x', 'high'],
  ['/home/u/win', 'high'],
  ['/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/3/fs/x', 'critical'],
  ['/opt/kmod/modprobe', 'medium'],
])('%s is found', (value, severity) => {
  expect(find(value)).toMatchObject([{ severity }])
})

test.each([
  '/sbin/modprobe',
  '/usr/sbin/modprobe',
  '/nix/store/abc-kmod-31/bin/modprobe',
  '/run/current-system/sw/bin/modprobe',
  '/bin/false',
  '',
  null,
])('%s is not', (value) => {
  expect(find(value)).toEqual([])
})
