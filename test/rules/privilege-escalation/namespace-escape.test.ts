import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/namespace-escape.js'

const containers = [
  { id: 'c1', name: 'web', init_pid: 10 },
  { id: 'c2', name: 'db', init_pid: 20 },
]
const host = { pid: 1, ppid: 0, comm: 'systemd', exe: '/usr/lib/systemd/systemd', container: null, mnt_ns: 100 }
const web = { pid: 10, ppid: 5, comm: 'nginx', exe: '/usr/sbin/nginx', container: 'c1', mnt_ns: 101 }
const db = { pid: 20, ppid: 6, comm: 'redis', exe: '/usr/bin/redis', container: 'c2', mnt_ns: 102 }
const sleep = { pid: 30, ppid: 10, comm: 'sleep', exe: '/usr/bin/sleep', args: ['sleep'], container: 'c1', mnt_ns: 101 }

const find = (...rows: object[]) =>
  evaluateRule(rule, { processes: [host, web, db, ...rows], programs: [], containers }, containers)

test('a process of a container in the mounts of the host or of another container is found', () => {
  expect(find({ ...sleep, mnt_ns: 100 })).toMatchObject([{ about: { pid: 30, container: 'c1' } }])
  expect(find({ ...sleep, mnt_ns: 102 })[0]?.summary).toContain('‘db’')
})

test('neither one in its own mounts, nor in mounts of its own, nor one that is not known', () => {
  expect(find(sleep, { ...sleep, mnt_ns: 777 }, { ...sleep, mnt_ns: null }, { ...sleep, container: null })).toEqual([])
  expect(find({ ...sleep, container: 'c9', mnt_ns: 100 })).toEqual([])
})

test('a container whose first process entered the host is found', () => {
  const first = { ...web, args: ['nsenter'], mnt_ns: 100 }
  expect(evaluateRule(rule, { processes: [host, first], programs: [], containers }, containers)).toMatchObject([
    { about: { pid: 10 } },
  ])
})
