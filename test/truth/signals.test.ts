/** Signals against SigCgt and SigBlk of /proc/PID/task/TID/status, and a handler that somebody put elsewhere. */

import { describe, expect, it } from 'vitest'
import { samples, sharedImage, sharedImages, table } from './images.js'
import { patchedCopy, word } from './patched.js'

interface Signals {
  pid: number
  comm: string
  kthread?: boolean
  /** Signals that are handled, a bit each. */
  sigcgt: string
  threads: { tid: number; sigblk: string }[]
}

interface Row {
  pid: number
  signal: number
  name: string
  action: string
  blocked: number
  path: string | null
  pending: boolean
}

const rowsOf = (path: string, ...options: string[]) => table('signals', path, ...options).rows as unknown as Row[]
const has = (mask: string, signal: number) => ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) !== 0n

const sampled = samples().filter((image) => image.has('signals.json'))

for (const image of [...sampled, ...sharedImages()]) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has what each process handles, and by how many threads each signal is blocked', () => {
      const rows = new Map(rowsOf(image.as(own)).map((row) => [`${row.pid} ${row.signal}`, row]))
      const recorded = image.parts<Signals>('signals.json').filter(({ kthread }) => kthread !== true)
      let handled = 0
      for (const { pid, comm, sigcgt, threads } of recorded) {
        for (let signal = 1; signal <= 64; signal++) {
          const row = rows.get(`${pid} ${signal}`)
          const blocked = threads.filter(({ sigblk }) => has(sigblk, signal)).length
          expect(row?.blocked ?? 0, `${comm} ${signal} blocked`).toBe(blocked)
          expect(row?.action === 'handled', `${comm} ${signal} handled`).toBe(has(sigcgt, signal))
          if (row?.action === 'handled') handled++
        }
      }
      expect(handled).toBeGreaterThan(image.has('signals.json') ? 20 : 500)
    })

    it('finds every handler in a file', () => {
      const handlers = rowsOf(image.as(own)).filter(({ action }) => action === 'handled')
      expect(handlers.filter(({ path }) => !path?.startsWith('/'))).toEqual([])
    })
  })
}

const image = sharedImage('docker-debian12')

describe(image.title, () => {
  image.require()

  it('names signals as the kernel does', () => {
    const names = new Map(rowsOf(image.as('elf')).map(({ signal, name }) => [signal, name]))
    expect(names.get(15)).toBe('SIGTERM')
    expect(names.get(31)).toBe('SIGSYS')
    expect(names.get(34)).toBe('SIGRTMIN+2')
    expect(names.get(64)).toBe('SIGRTMIN+32')
  })
})

describe(`${image.title} with a handler that lies in the heap`, () => {
  image.require()
  const copy = patchedCopy(image, (kernel, path) => {
    const task = BigInt(table('processes', path, '--pid', '1').rows[0]?.address as string)
    const [heap] = table('memory-maps', path, '--pid', '1').rows.filter((row) => row.path === '[heap]')
    const handler = word(kernel, task, 'struct task_struct', 'sighand->action[3].sa.sa_handler')
    return [[handler.at, handler.value, BigInt(heap?.start as string)]]
  })

  it('is named, and no other', () => {
    const elsewhere = rowsOf(copy.path).filter(({ action, path }) => action === 'handled' && !path?.startsWith('/'))
    expect(elsewhere).toMatchObject([{ pid: 1, signal: 4, name: 'SIGILL', path: '[heap]' }])
  })
})
