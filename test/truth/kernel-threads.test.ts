/** The kernel's own threads against /proc, and what only pretends to be one. */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { samples, sharedImages, table } from './images.js'
import { patchedCopy, word } from './patched.js'

interface Row {
  address: string
  pid: number
  comm: string
  name: string
  function: string | null
  symbol: string | null
  module: string | null
  work: string | null
  last_work: string | null
}

const rowsOf = (path: string) => table('kernel-threads', path).rows as unknown as Row[]

/** A worker's name goes on with its queue, of which it may serve another one in the next moment. */
const isWorker = (name: string) => /^kworker\/[\du]/.test(name)
const first = (name: string) => name.split(/[-+]/)[0]

/** Samples that were made when this table was there. */
const sampled = samples().filter((image) => image.has('credentials.json'))

for (const image of [...sampled, ...sharedImages()]) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has every thread that /proc said is the kernel’s, whole names and all, and none else', () => {
      const recorded = image.processes().filter(({ kthread }) => kthread)
      const rows = rowsOf(image.as(own))
      expect(recorded.length).toBeGreaterThan(50)
      expect(rows.map(({ pid }) => pid)).toEqual(recorded.map(({ pid }) => pid).sort((left, right) => left - right))
      const names = new Map(rows.map((row) => [row.pid, row.name]))
      for (const { pid, comm } of recorded) {
        const name = names.get(pid) ?? ''
        if (isWorker(comm)) expect(first(name)).toBe(first(comm))
        // The recorder had it from a member that is cut off.
        else expect(name.slice(0, Math.max(comm.length, 15))).toBe(comm)
      }
      const same = recorded.filter(({ pid, comm }) => isWorker(comm) && names.get(pid) === comm)
      expect(same.length).toBeGreaterThan(3)
    })

    it('knows what each of them runs, and which are of a module', () => {
      const rows = rowsOf(image.as(own))
      // The first of them was not made as the others are.
      expect(rows.filter(({ symbol }) => symbol === null).map(({ comm }) => comm)).toEqual(['kthreadd'])
      const symbolOf = (name: string) => rows.find((row) => row.name === name)?.symbol
      expect(symbolOf('khungtaskd')).toBe('watchdog')
      expect(symbolOf('kswapd0')).toBe('kswapd')
      expect(symbolOf('ksoftirqd/0')).toBe('smpboot_thread_fn')
      expect(rows.filter(({ module }) => module === 'scsi_mod')).toMatchObject([
        { name: 'scsi_eh_0', symbol: 'scsi_error_handler [scsi_mod]' },
        { name: 'scsi_eh_1', symbol: 'scsi_error_handler [scsi_mod]' },
      ])
      for (const { name, symbol } of rows.filter((row) => isWorker(row.name)))
        expect(symbol, name).toBe('worker_thread')
      expect(rows.filter(({ last_work }) => last_work !== null).length).toBeGreaterThan(5)
    })
  })
}

for (const image of sharedImages().filter(({ name }) => name === 'docker-debian12')) {
  describe(image.title, () => {
    image.require()

    it('does not have the planted process that calls itself kworker/0:3', () => {
      expect(rowsOf(image.as('elf')).filter(({ pid }) => pid === 1503)).toEqual([])
    })
  })

  describe(`${image.title} with a thread that runs code of nobody`, () => {
    image.require()
    const copy = patchedCopy(image, (kernel: Kernel, path) => {
      const watchdog = rowsOf(path).find(({ name }) => name === 'khungtaskd')
      const thread = word(kernel, BigInt(watchdog?.address ?? 0), 'struct task_struct', 'worker_private').value
      const at = word(kernel, thread, 'struct kthread', 'threadfn')
      // A page of the heap: no module's.
      return [[at.at, at.value, thread & ~0xfffn]]
    })

    it('names it, with neither symbol nor module', () => {
      const lost = rowsOf(copy.path).filter(({ symbol, comm }) => symbol === null && comm !== 'kthreadd')
      expect(lost).toMatchObject([{ name: 'khungtaskd', module: null, function: expect.stringMatching(/^0xffff/) }])
    })
  })
}
