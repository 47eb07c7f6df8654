import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/persistence/code-by-environment.js'

const variable = (name: string, value: string | null, pid = 7) => ({ pid, comm: 'x', container: null, name, value })
const find = (...environment: object[]) => evaluateRule(rule, { environment })

test.each([
  ['GCONV_PATH', '/tmp/x', 'medium'],
  ['GCONV_PATH', '/usr/lib/gconv:/dev/shm', 'medium'],
  ['LD_LIBRARY_PATH', '/var/tmp/lib/', 'medium'],
  ['LD_LIBRARY_PATH', '/opt/.hidden', 'medium'],
  ['BASH_ENV', '/tmp/.profile', 'medium'],
  // A shell that is told to run a script before each has honest uses.
  ['BASH_ENV', '/usr/share/lmod/init/bash', 'info'],
  ['LD_LIBRARY_PATH', '/tmp/.mount_appXYZ/usr/lib', 'low'],
])('%s of %s is %s', (name, value, severity) => {
  expect(find(variable(name, value))).toMatchObject([
    { about: { pid: 7 }, severity, evidence: [{ table: 'environment' }] },
  ])
})

test.each([
  ['GCONV_PATH', '/usr/lib/x86_64-linux-gnu/gconv'],
  ['LD_LIBRARY_PATH', '/opt/containerd/lib:'],
  ['LD_LIBRARY_PATH', ''],
  ['LD_LIBRARY_PATH', null],
  ['BASH_ENV', ''],
  ['BASH_ENV', null],
  ['PATH', '/tmp/bin'],
])('%s of %s is usual', (name, value) => {
  expect(find(variable(name, value))).toEqual([])
})

test('what children were handed down is told once', () => {
  expect(find(variable('BASH_ENV', '/tmp/x'), variable('BASH_ENV', '/tmp/x', 8))).toHaveLength(1)
})
