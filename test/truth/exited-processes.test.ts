/** What has ended, against who was recorded before and was gone at the stop; and a process that a copy makes a zombie. */

import { describe, expect, it } from 'vitest'
import { sharedImage, sharedImages, type TruthProcess, table } from './images.js'
import { patchedCopy, word } from './patched.js'

interface Row {
  pid: number
  tid: number
  comm: string
  started: string
  exit_code: number | null
  exit_signal: number | null
  found_by: string[]
}

const rowsOf = (path: string) => table('exited-processes', path).rows as unknown as Row[]
const TICKS = 100

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has what was recorded and had ended at the stop, and nothing that lived', () => {
      const rows = rowsOf(image.as('elf'))
      const recorded = image.truth<TruthProcess[]>('processes.json')
      const { btime } = image.truth<{ btime: number }>('host.json')
      const gone = recorded.filter(({ pid }) => image.moved.gone.includes(pid))
      const found = gone.filter(({ pid }) => rows.some((row) => row.pid === pid))
      expect(found.length).toBeGreaterThan(1)
      for (const { pid, comm, starttime_ticks } of found) {
        const row = rows.find((row) => row.tid === pid)
        expect(row, comm).toMatchObject({ comm, exit_signal: null, found_by: ['task'] })
        const started = Date.parse(row?.started ?? '') / 1000
        expect(Math.abs(started - btime - starttime_ticks / TICKS)).toBeLessThan(1.5)
      }
      const alive = new Set(image.processes().map(({ pid }) => pid))
      expect(rows.filter(({ pid, tid }) => pid === tid && alive.has(pid))).toEqual([])
      for (const { pid, tid, comm } of rows)
        expect([pid > 0, tid > 0, comm !== ''], `${pid}`).toEqual([true, true, true])
    })
  })
}

const image = sharedImage('docker-debian12')
/** The planted sleeper whose executable is gone. */
const VICTIM = 1499

describe(`${image.title} with a process that was killed and nobody asked for`, () => {
  image.require()
  const copy = patchedCopy(image, (kernel, path) => {
    const task = BigInt(table('processes', path, '--pid', `${VICTIM}`).rows[0]?.address as string)
    // exit_state and exit_code are beside each other: EXIT_ZOMBIE, and SIGKILL with a core.
    const { at } = word(kernel, task, 'struct task_struct', 'exit_state')
    return [[at, 0n, 0x20n | (0x89n << 32n)]]
  })

  it('is a zombie, with what ended it', () => {
    const zombies = rowsOf(copy.path).filter(({ found_by }) => found_by.includes('zombie'))
    expect(zombies).toMatchObject([
      { pid: VICTIM, comm: 'kdevtmpfsi', exit_code: null, exit_signal: 9, core_dumped: true },
    ])
    expect(rowsOf(image.as('elf')).filter(({ found_by }) => found_by.includes('zombie'))).toEqual([])
  })
})

describe(`${image.title} with a session whose leader is no task any more`, () => {
  image.require()
  let leader = 0
  const copy = patchedCopy(image, (kernel, path) => {
    const rows = table('processes', path).rows as { pid: number; comm: string; address: string }[]
    const [shell] = rows.filter(({ comm }) => comm === 'cron')
    leader = shell?.pid ?? 0
    const task = BigInt(shell?.address ?? 0)
    // Its number forgets the process, and remains that of its session.
    const head = word(
      kernel,
      word(kernel, task, 'struct task_struct', 'thread_pid').value,
      'struct pid',
      'tasks[0].first',
    )
    return [[head.at, head.value, 0n]]
  })

  it('names the number, and who is still in it', () => {
    const numbers = rowsOf(copy.path).filter(({ found_by }) => found_by.includes('pid'))
    expect(numbers).toMatchObject([{ pid: leader, comm: null, in_session: 1, in_group: 1, held_by: [] }])
    expect(rowsOf(image.as('elf')).filter(({ found_by }) => found_by.includes('pid'))).toEqual([])
  })
})
