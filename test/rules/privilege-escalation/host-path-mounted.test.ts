import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/host-path-mounted.js'

const find = (mounts: object | null, init_pid: number | null = 7) =>
  evaluateRule(rule, { containers: [{ id: 'c1', init_pid, mounts }] })
const bind = (source: unknown, options: unknown = ['rw']) => ({ source, target: '/host', type: 'bind', options })

test.each(['/', '/etc', '/root/.ssh', '/var/lib/kubelet', '/usr/bin', '/var/spool/cron'])(
  '%s of the host is told',
  (path) => {
    expect(find([bind(path)])).toMatchObject([{ about: { container: 'c1', pid: 7 } }])
  },
)

test('neither what leads nowhere, nor what is read-only, nor what engines make, nor what is no text', () => {
  const others = ['/srv/data', '/var/lib/docker/containers/c1/hosts', '/var/log', '/etcetera', 7].map((path) =>
    bind(path),
  )
  expect(find([...others, bind('/etc', ['ro']), bind('/etc/hosts')])).toEqual([])
  expect(find(null)).toEqual([])
  expect(find([bind('/')], null)).toEqual([])
})

test('all of the host, read-only, is a remark', () => {
  expect(find([bind('/', ['rbind', 'ro'])])).toMatchObject([{ severity: 'info' }])
})
