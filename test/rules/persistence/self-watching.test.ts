import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/persistence/self-watching.js'

const find = (exe: string | null, watch: object, container: string | null = null) =>
  evaluateRule(rule, {
    watches: [{ pid: 7, kind: 'inotify', path: '/etc', events: ['modify'], ...watch }],
    processes: [{ pid: 7, comm: 'x', args: ['x'], exe, container }],
  })

test.each([
  ['/opt/../x', { path: '/lab/x' }, []],
  ['/lab/x (deleted)', { path: '/lab/x' }, [{ severity: 'high' }]],
  ['/lab/x', { path: '/etc/cron.d' }, [{ severity: 'medium' }]],
  ['/lab/x', { kind: 'fanotify', events: ['open_permission'] }, [{ severity: 'medium' }]],
  ['/usr/sbin/x', { kind: 'fanotify', events: ['open_exec_permission'] }, [{ severity: 'low' }]],
] as [string, object, object[]][])('%s with %j', (exe, watch, expected) => {
  expect(find(exe, watch)).toMatchObject(expected)
})

test.each([
  ['/usr/lib/systemd/systemd', { path: '/etc/systemd/system' }, null],
  ['/app/x', { path: '/etc/passwd' }, 'c1'],
  ['/lab/x', { path: '/srv/data' }, null],
  ['/lab/x', { path: null, events: null }, null],
  [null, { path: '/etc/cron.d' }, null],
  ['/lab/x', { pid: null }, null],
] as [string | null, object, string | null][])('%s with %j is none', (exe, watch, container) => {
  expect(find(exe, watch, container)).toEqual([])
})
