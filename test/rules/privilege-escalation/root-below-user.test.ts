import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/root-below-user.js'

const ours = { kernel_thread: false, user_ns: 9, container: null }
const host = { ...ours, pid: 1, ppid: 0, pid_in_ns: 1, euid: 0, exe: '/sbin/init' }
const parent = { ...ours, pid: 20, ppid: 1, pid_in_ns: 20, euid: 1000, comm: 'bash', exe: '/usr/bin/bash' }
const root = { ...ours, pid: 30, ppid: 20, pid_in_ns: 30, euid: 0, comm: 'sh', args: ['sh'], exe: '/usr/bin/dash' }
const held = { pid: 20, uid: 1000, euid: 1000, suid: 1000, cap_permitted: [] as string[] }
const find = (process: object, of: object = parent, by: object = held, files: object[] = [], name = 'HOME') =>
  evaluateRule(rule, {
    processes: [host, of, process],
    credentials: [by],
    files,
    environment: [{ pid: 30, name, value: '1' }],
  })

test('a root shell below the shell of a user is found', () => {
  expect(find(root)).toMatchObject([{ about: { pid: 30 } }])
  expect(find(root, parent, held, [], 'DOAS_USER')).toMatchObject([{ severity: 'low' }])
  expect(find({ ...root, exe: '/bin/busybox' })).toMatchObject([{ severity: 'low' }])
})

test('neither set-uid programs, nor below who may become root, nor what was given to another parent', () => {
  expect(find({ ...root, exe: '/usr/bin/sudo' })).toEqual([])
  expect(find({ ...root, exe: '/opt/x' }, parent, held, [{ path: '/opt/x', mode: '-rwsr-xr-x' }])).toEqual([])
  expect(find(root, parent, { ...held, suid: 0 })).toEqual([])
  expect(find(root, parent, { ...held, cap_permitted: ['CAP_SETUID'] })).toEqual([])
  expect(find(root, parent, { ...held, uid: null, cap_permitted: null })).toEqual([])
  expect(find(root, { ...parent, exe: '/usr/lib/systemd/systemd' })).toEqual([])
  expect(find(root, { ...parent, pid_in_ns: 1 })).toEqual([])
  expect(find({ ...root, user_ns: 10 })).toEqual([])
  expect(find({ ...root, exe: null })).toEqual([])
  expect(find({ ...root, ppid: null })).toEqual([])
})
