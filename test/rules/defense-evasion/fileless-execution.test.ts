import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/fileless-execution.js'

const running = (exe: string | null) => [{ pid: 7, comm: 'x', args: ['x'], container: null, exe }]

test.each(['/memfd:cfg (deleted)', 'memfd:cfg (deleted)', '/dev/shm/x'])('%s is no file on disk', (exe) => {
  expect(evaluateRule(rule, { processes: running(exe) })).toMatchObject([{ about: { pid: 7 } }])
})

test.each(['/usr/bin/memfd:x', '/tmp/x (deleted)', null])('%s is', (exe) => {
  expect(evaluateRule(rule, { processes: running(exe) })).toEqual([])
})

test('the sealed copy of itself that runc runs from is no fileless program, unless it is no runtime of the host that started it', () => {
  const exe = '/memfd:runc_cloned:/proc/self/exe (deleted)'
  const host = {
    pid: 1,
    ppid: 0,
    comm: 'systemd',
    args: ['init'],
    container: null,
    mnt_ns: 1,
    exe: '/usr/lib/systemd/systemd',
  }
  const runc = { ...host, pid: 5, ppid: 1, comm: 'runc', args: ['runc', 'create'], exe }
  const init = { ...runc, pid: 6, ppid: 5, comm: 'runc:[2:INIT]', container: 'c1' }
  expect(evaluateRule(rule, { processes: [host, runc, init] })).toEqual([])
  const posing = { ...init, ppid: 9 }
  expect(
    evaluateRule(rule, { processes: [host, { ...host, pid: 9, exe: '/tmp/x', container: 'c1' }, posing] }),
  ).toMatchObject([{ about: { pid: 6 } }])
})
