import { evaluateRule } from 'salvor/testing'
import { describe, expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/fileless-execution.js'

const running = (exe: string | null) => [{ pid: 7, comm: 'x', args: ['x'], container: null, exe }]

test.each(['/memfd:cfg (deleted)', 'memfd:cfg (deleted)', '/dev/shm/x'])('%s is no file on disk', (exe) => {
  expect(evaluateRule(rule, { processes: running(exe), programs: [] })).toMatchObject([
    { about: { pid: 7 }, severity: 'high' },
  ])
})

test.each(['/usr/bin/memfd:x', '/tmp/x (deleted)', null])('%s is', (exe) => {
  expect(evaluateRule(rule, { processes: running(exe), programs: [] })).toEqual([])
})

describe('the sealed copy of itself that runc runs from', () => {
  const exe = '/memfd:runc_cloned:/proc/self/exe (deleted)'
  const host = { ppid: 1, comm: 'x', args: ['x'], container: null, mnt_ns: 1 }
  const systemd = { ...host, pid: 1, ppid: 0, exe: '/usr/lib/systemd/systemd' }
  const shim = { ...host, pid: 4, exe: '/usr/bin/containerd-shim-runc-v2' }
  const init = { ...host, pid: 6, ppid: 4, comm: 'runc:[2:INIT]', exe, container: 'c1', mnt_ns: 2 }
  const copy = { pid: 6, exe, size: 100, sealed: true, copy_of: '/usr/sbin/runc', compared: 100 }

  /** What is different about the process, about the bytes of what it runs, and about who started it. */
  function find({ own = {}, bytes = {}, parent = {}, others = [] as object[] }) {
    const processes = [systemd, { ...shim, ...parent }, { ...init, ...own }, ...others]
    return evaluateRule(rule, { processes, programs: [{ ...copy, ...bytes }] })
  }

  test('is told by its bytes and by who started it', () => {
    expect(find({})).toEqual([])
    // A size is as the kernel has it, 64 bits.
    expect(find({ bytes: { size: 100n } })).toEqual([])
    const first = { ...init, pid: 5, ppid: 4, container: null, mnt_ns: 1 }
    expect(find({ own: { ppid: 5 }, others: [first] })).toMatchObject([{ about: { pid: 5 } }])
  })

  test('of which pages have left memory is told as low', () => {
    expect(find({ bytes: { compared: 60 } })).toMatchObject([
      {
        severity: 'low',
        evidence: [{ table: 'processes' }, { table: 'memory-programs' }],
        summary: expect.stringContaining('60 bytes'),
      },
    ])
  })

  test('is told by its bytes alone where somebody of the host starts it by hand', () => {
    const byHand = { exe: '/usr/bin/bash' }
    expect(find({ parent: byHand, own: { exe: '/memfd:runc (deleted)' } })).toEqual([])
    expect(find({ parent: byHand, bytes: { compared: 60 } })).toMatchObject([{ severity: 'high' }])
    expect(find({ parent: { ...byHand, container: 'c1', mnt_ns: 2 } })).toMatchObject([{ severity: 'high' }])
  })

  test.each([
    ['has other bytes', { bytes: { copy_of: null, compared: null } }],
    ['can be changed', { bytes: { sealed: false } }],
    ['has seals that nobody knows', { bytes: { sealed: null } }],
    ['a shell of a container started', { parent: { exe: '/usr/bin/bash', container: 'c1', mnt_ns: 2 } }],
    ['an engine in the same container started', { parent: { container: 'c1', mnt_ns: 2 } }],
  ])('that %s is none', (_, changes) => {
    expect(find(changes)).toMatchObject([{ about: { pid: 6 }, severity: 'high' }])
  })

  test('is made in a container by an engine of its own', () => {
    const engine = { exe: '/usr/bin/containerd-shim-runc-v2', container: 'outer', mnt_ns: 3 }
    expect(find({ parent: engine })).toEqual([])
    expect(find({ parent: { ...engine, exe: '/tmp/containerd-shim-runc-v2' } })).toHaveLength(1)
  })
})
