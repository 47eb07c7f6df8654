/** The memory of processes, against what the guests recorded of them and what the page cache has of the same pages. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { MAPPINGS } from '../../dist/src/kernel/mappings.js'
import { list, userStrings } from '../../dist/src/kernel/query.js'
import { type MemoryPiece, ProcessMemory } from '../../dist/src/kernel/user-memory.js'
import { sharedImages, type TruthProcess } from './images.js'

const TASK = 'struct task_struct'
const PAGE = 4096n
/** VM_WRITE and VM_EXEC. Memory that was relocated and then protected differs from its file; code does not. */
const VM_WRITE = 2n
const VM_EXEC = 4n
/** Planted in an anonymous mapping of docker-debian12, so far from its start. */
const PATTERN = 'LAB-RWX-PATTERN-c0ffee'
const PATTERN_AT = 0x100n

function bytesOf(pieces: Iterable<MemoryPiece>): Buffer {
  return Buffer.concat([...pieces].map((piece) => ('bytes' in piece ? piece.bytes : Buffer.alloc(0))))
}

const CODE = {
  walk: MAPPINGS,
  select: {
    start: 'vm_start',
    end: 'vm_end',
    flags: 'vm_flags',
    first: 'vm_pgoff',
    inode: 'vm_file->f_mapping->host',
  },
}

/** Whole pages of a file that are in memory, from one on: by their distance from it. */
function cachedPages(kernel: Kernel, inode: bigint, first: bigint): Map<bigint, Uint8Array> {
  const pages = new Map<bigint, Uint8Array>()
  for (const piece of kernel.fileContents(inode) ?? []) {
    if (!('bytes' in piece) || pages.size > 4096) continue
    for (let at = 0; at + 4096 <= piece.length; at += 4096) {
      pages.set(BigInt(piece.offset + at) / PAGE - first, piece.bytes.subarray(at, at + 4096))
    }
  }
  return pages
}

/** Holds pages of a process that are in memory against those of the file; how many there were. */
function samePages(
  memory: ProcessMemory,
  address: bigint,
  length: number,
  cached: Map<bigint, Uint8Array>,
  start: bigint,
): number {
  let same = 0
  for (let at = address; at < address + BigInt(length); at += PAGE) {
    const page = cached.get((at - start) / PAGE)
    if (page === undefined) continue
    expect(bytesOf(memory.read(at, 4096)).equals(page), `${at.toString(16)} of ${memory.mm.toString(16)}`).toBe(true)
    same++
  }
  return same
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    const warnings: string[] = []
    let kernel: Kernel
    const tasks = new Map<number, bigint>()
    beforeAll(() => {
      if (image.missing) return
      kernel = Kernel.attach(Kernel.open(image.as('elf'), { cacheDir: null }).id, ({ message }) =>
        warnings.push(message),
      )
      const all = kernel.symbol('init_task', TASK).walk(list('tasks', TASK, 'tasks'))
      for (const { address, pid } of all.select({ pid: 'pid' })) tasks.set(Number(pid), address)
    })
    afterAll(() => kernel?.close())

    it('reads the environment of every process', () => {
      const known = image.truth<(TruthProcess & { environ: string[] })[]>('processes.json')
      const users = known.filter(({ pid, kthread, environ }) => !kthread && environ && tasks.has(pid))
      const batch = kernel
        .at(
          users.flatMap(({ pid }) => tasks.get(pid) ?? []),
          TASK,
        )
        .select({ environ: userStrings('mm') })
      let same = 0
      for (const [row, { environ }] of users.entries()) {
        const text = batch.column('environ').text(row)
        if (text !== null && text.split('\0').filter(Boolean).join('\n') === environ.filter(Boolean).join('\n')) same++
      }
      // A program may write over its own, and one that was never looked at is not in memory.
      expect(same / users.length).toBeGreaterThan(0.9)
      expect(same).toBeGreaterThan(30)
      warnings.length = 0
    })

    it('has of mapped code what the page cache has of it', () => {
      const batch = kernel.at([...tasks.values()], TASK).select({ mm: 'mm' }, { mappings: CODE })
      const mappings = batch.child('mappings')
      let [compared, absent] = [0, 0]
      for (let row = 0; row < mappings.length; row += 7) {
        const word = (name: keyof (typeof CODE)['select']) => mappings.column(name).bigint(row) ?? 0n
        const mm = batch.column('mm').bigint(mappings.parents[row] ?? 0)
        const [start, end, inode] = [word('start'), word('end'), word('inode')]
        if (!mm || inode === 0n || (word('flags') & (VM_WRITE | VM_EXEC)) !== VM_EXEC) continue
        const memory = ProcessMemory.at(kernel, mm, [])
        const cached = cachedPages(kernel, inode, word('first'))
        let next = start
        for (const { address, length, state } of memory.pages({ start, end })) {
          expect(address).toBe(next)
          next += BigInt(length)
          expect(['present', 'absent']).toContain(state)
          if (state === 'absent') absent++
          else compared += samePages(memory, address, length, cached, start)
        }
        expect(next).toBe(end)
      }
      expect(compared).toBeGreaterThan(1000)
      expect(absent).toBeGreaterThan(10)
      expect(warnings).toEqual([])
    })

    it('finds what was planted in a process, and tells how far it has looked', ({ skip }) => {
      skip(image.name !== 'docker-debian12', 'nothing is planted there')
      const [plant] = image
        .truth<{ pattern?: string; pids: number[] }[]>('planted.json')
        .filter(({ pattern }) => pattern === PATTERN)
      const memory = ProcessMemory.of(kernel, tasks.get(plant?.pids[0] ?? 0) ?? 0n)
      if (memory === null) throw new Error('the process has no memory')
      const progress: number[] = []
      const text = Buffer.from(PATTERN)
      const found = [...memory.find([text.subarray(4), PATTERN], { progress: (pages) => progress.push(pages) })]
      const places = found.filter(({ which }) => which === 1).map(({ address }) => address)
      const inMapping = places.filter((address) => memory.ranges.some(({ start }) => address === start + PATTERN_AT))
      expect(inMapping).toHaveLength(1)
      expect(found.filter(({ which }) => which === 0).map(({ address }) => address - 4n)).toEqual(places)
      expect(progress.at(-1)).toBeGreaterThan(100)
      const [at = 0n] = inMapping
      // Behind the planted text the mapping is filled with NOPs.
      expect(bytesOf(memory.read(at, text.length)).toString()).toBe(PATTERN)
      expect(bytesOf(memory.read(at - PATTERN_AT + 0x1000n, 16))).toEqual(Buffer.alloc(16, 0x90))
      expect(memory.readWhole(at, text.length)?.byteLength).toBe(text.length)
      expect(memory.readWhole(0n, 8)).toBeNull()
      expect([...memory.read(0n, 5)]).toEqual([{ address: 0n, length: 5, missing: 'absent' }])
      const [heap] = [ProcessMemory.heapOf(kernel, tasks.get(plant?.pids[0] ?? 0) ?? 0n)]
      expect(heap?.ranges.length).toBeLessThan(memory.ranges.length)
      expect([...memory.find([PATTERN], { ranges: [] })]).toEqual([])
      expect(ProcessMemory.of(kernel, tasks.get(2) ?? 0n)).toBeNull()
      expect(warnings).toEqual([])
      expect([...ProcessMemory.at(kernel, 0x1000n, memory.ranges).find([PATTERN])]).toEqual([])
      expect(warnings).toEqual(["a process's page tables could not be read"])
    })
  })
}
