import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/shell-below-service.js'

const find = (server: object, shell: object = {}) =>
  evaluateRule(rule, {
    processes: [
      { pid: 5, ppid: 1, comm: 'x', args: ['x'], container: 'c1', ...server },
      { pid: 7, ppid: 5, comm: 'sh', args: ['sh', '-c', 'id'], exe: '/bin/busybox', container: 'c1', ...shell },
    ],
  })

test.each([
  ['/usr/sbin/nginx', 'high'],
  ['/usr/bin/redis-check-rdb', 'high'],
  ['/usr/lib/postgresql/15/bin/postgres', 'low'],
])('%s is %s', (exe, severity) => {
  expect(find({ exe })).toMatchObject([{ about: { pid: 7 }, severity, evidence: [{}, {}] }])
})

test('a shell that keeps the log is less', () => {
  const args = ['sh', '-c', '/usr/bin/rotatelogs /var/log/x 86400']
  expect(find({ exe: '/usr/sbin/apache2' }, { args })).toMatchObject([{ severity: 'low' }])
})

test('the entrypoint that starts the server is none, nor an exec, nor another program of the server', () => {
  expect(find({ exe: '/bin/busybox', args: ['sh'] })).toEqual([])
  expect(find({ exe: '/usr/bin/containerd-shim-runc-v2', container: null })).toEqual([])
  expect(find({ exe: '/usr/sbin/nginx' }, { exe: '/usr/sbin/nginx' })).toEqual([])
  expect(find({ exe: null })).toEqual([])
})
