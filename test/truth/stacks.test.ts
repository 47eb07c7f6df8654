/** Kernel and user stacks: of every thread that the guests recorded, and each held against the other. */

import { runAnalyzer } from 'salvor/testing'
import { describe, expect, it } from 'vitest'
import kernelStacks from '../../dist/plugins/processes/kernel-stacks.js'
import userStacks from '../../dist/plugins/processes/user-stacks.js'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { list } from '../../dist/src/kernel/query.js'
import { sharedImage, sharedImages, type TruthProcess, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

/** Of system calls that most threads wait in: number and function (arch/x86/entry/syscalls/syscall_64.tbl). */
const CALLS: Record<number, RegExp> = {
  0: /sys_read$/,
  7: /sys_poll$/,
  23: /sys_select$/,
  34: /sys_pause$/,
  43: /sys_accept$/,
  61: /sys_wait4$/,
  202: /sys_futex$/,
  230: /sys_clock_nanosleep$/,
  232: /sys_epoll_wait$/,
  270: /sys_pselect6$/,
  271: /sys_ppoll$/,
  281: /sys_epoll_pwait$/,
}

const TASK = 'struct task_struct'

interface Frames {
  symbols: string[]
  row: Record<string, unknown>
}

function stacks({ rows }: { rows: readonly object[] }): Map<unknown, Frames> {
  const byThread = new Map<unknown, Frames>()
  for (const row of rows as Record<string, unknown>[]) {
    const known = byThread.get(row.tid) ?? { symbols: [], row }
    if (row.symbol !== null) known.symbols.push((row.symbol as string).replace(/\+0x[0-9a-f]+$/, ''))
    byThread.set(row.tid, known)
  }
  return byThread
}

const threadsOf = (processes: readonly TruthProcess[]) =>
  processes.flatMap(({ pid, kthread, threads, state }) => threads.map(({ tid }) => ({ pid, tid, kthread, state })))

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has the stack of every thread, from where it waits to where it begins', () => {
      const found = table('kernel-stacks', image.as('elf'))
      const byThread = stacks(found)
      expect(found.warnings).toEqual([])
      const threads = threadsOf(image.processes())
      expect(threads.length).toBeGreaterThan(250)
      for (const { tid, kthread } of threads) {
        const { symbols, row } = byThread.get(tid) ?? { symbols: [], row: {} }
        expect(row, `thread ${tid}`).toMatchObject({ frame: 0, found: 'orc' })
        expect(symbols.length).toBeGreaterThan(kthread ? 1 : 2)
        expect(symbols.at(-1), `thread ${tid}`).toMatch(kthread ? /^ret_from_fork(_asm)?$/ : /^entry_SYSCALL_64/)
        if (!kthread) expect(symbols.at(-2)).toBe('do_syscall_64')
        expect(symbols.every((symbol) => !/^(__)?schedule$/.test(symbol))).toBe(true)
      }
    })

    it('has in each the system call that the thread came with', () => {
      const byThread = stacks(table('kernel-stacks', image.as('elf')))
      const { rows } = table('user-stacks', image.as('elf'))
      let held = 0
      for (const { tid, syscall } of rows) {
        const wanted = CALLS[syscall as number]
        const symbols = byThread.get(tid)?.symbols ?? []
        // One that is frozen waits on its way back from a call.
        if (wanted === undefined || symbols.includes('get_signal')) continue
        expect(
          symbols.some((symbol) => wanted.test(symbol)),
          `thread ${tid} in ${syscall}`,
        ).toBe(true)
        held++
      }
      expect(held).toBeGreaterThan(180)
    })

    it('has every thread of user mode in code, on a stack', () => {
      const { rows } = table('user-stacks', image.as('elf'))
      const found = new Map(rows.map((row) => [row.tid, row]))
      const threads = threadsOf(image.processes()).filter(({ kthread }) => !kthread)
      for (const { tid, pid } of threads) {
        expect(found.get(tid), `thread ${tid}`).toMatchObject({
          pid,
          instruction_permissions: 'r-xp',
          stack_permissions: 'rw-p',
          running: false,
        })
        expect(found.get(tid)?.instruction_path).not.toBeNull()
      }
      expect(rows.filter(({ stack_path }) => stack_path === '[stack]').length).toBeGreaterThan(40)
    })
  })
}

describe('a copy with stacks that are none', () => {
  const image = sharedImage('docker-debian12')
  image.require()
  // Of the planted listener, of one that sleeps, of the traced child, and of the first process: what is done to each.
  const [RUNNING, ELSEWHERE, BROKEN, OTHER] = [1533, 1505, 1508, 1]

  const copy = patchedCopy(image, (kernel: Kernel): Patch[] => {
    const tasks = kernel
      .symbol('init_task', TASK)
      .walk(list('tasks', TASK, 'tasks'))
      .select({ pid: 'pid' })
    const of = (pid: number) => [...tasks].find((task) => task.pid === pid)?.address ?? 0n
    // Of 32 bits: what lies behind it stays.
    const running = word(kernel, of(RUNNING), TASK, 'on_cpu')
    const whole = kernel.at([running.at], 'unsigned long').select({ value: '' }).column('value').bigint(0) ?? 0n
    const elsewhere = word(kernel, of(ELSEWHERE), TASK, 'thread.sp')
    const frame =
      kernel
        .at([of(BROKEN)], TASK)
        .select({ at: 'thread.sp' })
        .column('at')
        .bigint(0) ?? 0n
    // Behind what is saved of a task that sleeps lies __schedule()'s own frame.
    const words = Array.from({ length: 24 }, (_, index) => frame + BigInt(index * 8))
    const values = kernel.at(words, 'unsigned long').select({ value: '' })
    const text = kernel.address('_stext') ?? 0n
    const returns = words.flatMap((at, row): Patch[] => {
      const value = values.column('value').bigint(row) ?? 0n
      return row > 6 && value > text && value < text + 0x0200_0000n ? [[at, value, 0x1234n]] : []
    })
    // It cannot sleep there: who sleeps has called the scheduler.
    const other = word(kernel, of(OTHER), TASK, '((struct inactive_task_frame *)thread.sp)->ret_addr')
    return [
      [running.at, whole, whole | 1n],
      [elsewhere.at, elsewhere.value, elsewhere.value - 0x10_0000n],
      [other.at, other.value, (kernel.address('commit_creds') ?? 0n) + 0x20n],
      ...returns,
    ]
  })

  it('says which runs, which cannot be read and which breaks off', async () => {
    const found = await runAnalyzer(kernelStacks, { path: copy.path })
    const byThread = stacks(found)
    const none = { frame: null, address: null, symbol: null, module: null }
    expect(byThread.get(RUNNING)?.row).toMatchObject({ ...none, found: 'running' })
    expect(byThread.get(ELSEWHERE)?.row).toMatchObject({ ...none, found: 'none' })
    expect(byThread.get(OTHER)?.row).toMatchObject({ ...none, found: 'none' })
    expect(byThread.get(BROKEN)?.symbols).not.toContain('do_syscall_64')
    expect(found.warnings.filter(({ code }) => code === 'torn')).toHaveLength(1)
    const { rows } = await runAnalyzer(userStacks, { path: copy.path })
    const row = rows.find(({ tid }) => tid === RUNNING)
    expect(row).toMatchObject({ instruction: null, stack_pointer: null, running: true })
  })
})
