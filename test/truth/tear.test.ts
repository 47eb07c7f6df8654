/** What tells that memory was taken while the host went on, and what a rootkit does that must not look so, on changed copies. */

import { evaluateRule } from 'salvor/testing'
import { describe, expect, it } from 'vitest'
import rule from '../../dist/plugins/rules/defense-evasion/hidden-process.js'
import socketRule from '../../dist/plugins/rules/defense-evasion/hidden-socket.js'
import { readTicks } from '../../dist/src/kernel/jiffies.js'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { clockStart, imageTime } from '../../dist/src/kernel/time.js'
import { offList, outOfHash, outOfIdr } from './changes.js'
import { samples, type TruthImage, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

const TASK = 'struct task_struct'
const [image] = samples() as [TruthImage, ...TruthImage[]]
/** Longer than the host ran, in nanoseconds. */
const LATER = 1_000_000_000_000_000n

const processes = image.processes().filter(({ exe, num_threads }) => exe !== null && num_threads === 1)
const [first, second] = processes.slice(-2) as [(typeof processes)[number], (typeof processes)[number]]

const taskOf = (path: string, pid: number) =>
  BigInt(table('processes', path, '--pid', `${pid}`).rows[0]?.address as string)

function later(kernel: Kernel, task: bigint, member: string | string[]): Patch {
  const { at: where, value } = word(kernel, task, TASK, member)
  return [where, value, value + LATER]
}

const contradicting = (path: string) => {
  const [{ torn, links } = {}] = table('info', path).rows
  const wrong = (links as { links: string; contradict: number }[]).filter(({ contradict }) => contradict > 0)
  return { torn, wrong: Object.fromEntries(wrong.map(({ links: name, contradict }) => [name, contradict])) }
}
/** What the rule finds in the two tables that it reads. */
const found = (path: string) =>
  evaluateRule(rule, { processes: table('processes', path).rows, info: table('info', path).rows })

/** A finding that lowers nothing is as the rule declares it: critical, of high confidence. */
const asDeclared = (pid: number) => ({
  about: expect.objectContaining({ pid }),
  evidence: expect.any(Array),
  summary: expect.stringMatching(/ is missing in the (task list|pid IDR)$/),
})

describe('memory of two moments', () => {
  image.require()
  const ran = patchedCopy(image, (kernel, path) => [later(kernel, taskOf(path, first.pid), 'se.exec_start')])
  const begun = patchedCopy(image, (kernel, path) => [
    later(kernel, taskOf(path, first.pid), ['start_boottime', 'real_start_time']),
  ])
  const number = patchedCopy(image, (kernel) => {
    const [where, value] = outOfIdr(kernel, 'init_pid_ns', first.pid)
    const [, other] = outOfIdr(kernel, 'init_pid_ns', second.pid)
    return [[where, value, other]]
  })

  it('is told by a task that ran later than its processor’s clock stands', () => {
    expect(contradicting(ran.path)).toEqual({ torn: true, wrong: { 'last run': 1 } })
  })

  it('is told by one that began later than the wall clock stands', () => {
    expect(contradicting(begun.path)).toEqual({ torn: true, wrong: { started: 1 } })
  })

  it('is told by a number that leads to another’s, and what the table lacks is then no proof', () => {
    expect(contradicting(number.path)).toMatchObject({ torn: true, wrong: { numbers: 1 } })
    expect(found(number.path)).toMatchObject([{ about: { pid: first.pid }, severity: 'low', confidence: 'low' }])
  })
})

describe('a rootkit', () => {
  image.require()
  const offTasks = patchedCopy(image, (kernel, path) => offList(kernel, taskOf(path, first.pid), TASK, 'tasks'))
  const offNumbers = patchedCopy(image, (kernel, path) => [
    later(kernel, taskOf(path, first.pid), 'se.exec_start'),
    outOfIdr(kernel, 'init_pid_ns', first.pid),
  ])

  it('that takes a process off the task list makes no torn image of it', () => {
    expect(contradicting(offTasks.path)).toEqual({ torn: false, wrong: {} })
    expect(found(offTasks.path)).toEqual([asDeclared(first.pid)])
  })

  it('that takes its number is not excused by a clock that it sets in the process itself', () => {
    expect(contradicting(offNumbers.path)).toEqual({ torn: false, wrong: {} })
    expect(found(offNumbers.path)).toEqual([asDeclared(first.pid)])
  })
})

describe('a socket that is taken out of its hash', () => {
  image.require()
  const hidden = { address: '', pid: 0 }
  const hide = (kernel: Kernel, path: string): Patch[] => {
    const row = table('sockets', path).rows.find(
      ({ protocol, state, pid, inode }) => protocol === 'tcp' && state === 'ESTABLISHED' && pid !== null && inode !== 0,
    )
    Object.assign(hidden, { address: row?.address, pid: row?.pid })
    return outOfHash(kernel, BigInt(hidden.address))
  }
  /** Its own times as if the last packet had just come. */
  const fresh = (kernel: Kernel): Patch[] => {
    const now = BigInt(Date.parse(imageTime(kernel) ?? '')) * 1_000_000n - (clockStart(kernel, 'monotonic') ?? 0n)
    const ticks = readTicks(kernel)?.now ?? 0n
    const of = (member: string) => word(kernel, BigInt(hidden.address), 'struct tcp_sock', member)
    const whole = ['tcp_mstamp', 'rcvq_space.time'].map((member): Patch => {
      const { at: where, value } = of(member)
      return [where, value, now / 1000n]
    })
    // Of 32 bits each; what follows stays.
    const halves = ['inet_conn.icsk_ack.lrcvtime', 'lsndtime'].map((member): Patch => {
      const { at: where } = of(member)
      const value = kernel.at([where], 'unsigned long').select({ value: '' }).column('value').bigint(0) ?? 0n
      return [where, value, ((value >> 32n) << 32n) | BigInt.asUintN(32, ticks)]
    })
    return [...whole, ...halves]
  }
  const old = patchedCopy(image, hide)
  const young = patchedCopy(image, hide, fresh, unnumbered)
  const disguised = patchedCopy(image, hide, fresh)

  const findings = (path: string) =>
    evaluateRule(socketRule, { sockets: table('sockets', path).rows, info: table('info', path).rows })
  const declared = () => ({
    about: expect.objectContaining({ pid: hidden.pid, unhashed: true }),
    evidence: expect.any(Array),
    summary: expect.stringMatching(/ is in no table$/),
  })

  /** A number that no other socket's bears witness against. */
  function unnumbered(kernel: Kernel): Patch[] {
    const path = 'container_of(sk_socket, struct socket_alloc, socket)->vfs_inode.i_ino'
    const { at: where, value } = word(kernel, BigInt(hidden.address), 'struct sock', path)
    return [[where, value, value + 1_000_000n]]
  }

  it('is found with full confidence', () => {
    expect(findings(old.path)).toEqual([declared()])
  })

  it('is told with less where it has just come', () => {
    expect(findings(young.path)).toMatchObject([{ severity: 'medium', confidence: 'low' }])
  })

  it('is not made young by who sets its times: numbers of later ones bear witness', () => {
    expect(findings(disguised.path)).toEqual([declared()])
  })
})
