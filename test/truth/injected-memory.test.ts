/** Executable memory without a file on a disk: against the mappings that the guests recorded, and on a changed copy. */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { MAPPINGS } from '../../dist/src/kernel/mappings.js'
import { list } from '../../dist/src/kernel/query.js'
import { sharedImage, sharedImages, type TruthImage, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

interface Mapped {
  pid: number
  comm: string
  maps: string[]
}

interface Planted {
  name: string
  pids: number[]
}

/** Lines of /proc/PID/maps that are executable, and have no file or one whose name is gone. */
function wanted(image: TruthImage) {
  return image.parts<Mapped>('memory.json').flatMap(({ pid, comm, maps }) =>
    maps.flatMap((line) => {
      const [span = '', permissions = '', , , , ...rest] = line.split(/ +/)
      const path = rest.join(' ')
      const gone = path.endsWith(' (deleted)')
      if (!permissions.includes('x') || path === '[vdso]' || path === '[vsyscall]') return []
      if (path !== '' && !gone && !permissions.includes('w')) return []
      const [start, end] = span.split('-').map((address) => `0x${address}`)
      return [{ pid, comm, start, end, permissions, path: path === '' ? null : path }]
    }),
  )
}

const shown = ({ pid, comm, start, end, permissions, path }: Record<string, unknown>) => ({
  ...{ pid, comm, start, end, permissions, path },
})

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has all of it, and nothing of any other process', () => {
      const { rows } = table('injected-memory', image.as('elf'))
      expect(rows.length).toBeGreaterThan(1)
      expect(rows.map(shown)).toEqual(wanted(image))
      expect(rows.every(({ changed_pages }) => changed_pages === null)).toBe(true)
    })

    it('has the planted programs that have no file', () => {
      const { rows } = table('injected-memory', image.as('elf'))
      const pid = (name: string) => image.truth<Planted[]>('planted.json').find((one) => one.name === name)?.pids[0]
      const names: Record<string, string> = {
        'deleted-exe': 'deleted',
        'deleted-exe-miner': 'deleted',
        memfd: 'memfd',
        'memfd-exec': 'memfd',
      }
      const found = Object.entries(names).filter(([name]) => pid(name) !== undefined)
      expect(found).toHaveLength(2)
      for (const [name, reason] of found) {
        const row = rows.find((one) => one.pid === pid(name))
        expect(row, name).toMatchObject({ reasons: [reason], permissions: 'r-xp' })
        expect((row?.disassembly as string[] | undefined)?.[0]).toBe('sub rsp, 8')
      }
    })
  })
}

describe('the shared image docker-debian12', () => {
  const image = sharedImage('docker-debian12')
  image.require()

  it('has the planted mapping, with what is in it', () => {
    const { rows } = table('injected-memory', image.as('elf'))
    expect(rows.find(({ pid }) => pid === 1618)).toMatchObject({
      container_name: 'shop-web-1',
      permissions: 'rwxp',
      path: null,
      reasons: ['writable', 'anonymous'],
      hexdump: Array.from({ length: 64 }, () => '90').join(' '),
      disassembly: Array.from({ length: 8 }, () => 'nop'),
    })
  })
})

/** Entry of a page table: present, and where the next level or the page lies. */
const FRAME = 0x000f_ffff_ffff_f000n

/** Where the entry of a page lies in the kernel's map of all memory, and what it is (four levels). */
function entryOf(kernel: Kernel, mm: bigint, address: bigint): { at: bigint; value: bigint } {
  const value = (at: bigint) => kernel.at([at], 'unsigned long').select({ value: '' }).column('value').bigint(0) ?? 0n
  const direct = value(kernel.address('page_offset_base') ?? 0n)
  let at = kernel.at([mm], 'struct mm_struct').select({ pgd: 'pgd' }).column('pgd').bigint(0) ?? 0n
  for (const shift of [39n, 30n, 21n]) at = direct + (value(at + ((address >> shift) & 511n) * 8n) & FRAME)
  at += ((address >> 12n) & 511n) * 8n
  return { at, value: value(at) }
}

describe('a copy in which code was changed for one process', () => {
  const image = sharedImage('docker-debian12')
  image.require()
  const PID = 1829
  const VMA = 'struct vm_area_struct'

  const copy = patchedCopy(image, (kernel: Kernel): Patch[] => {
    const tasks = kernel.symbol('init_task', 'struct task_struct').walk(list('tasks', 'struct task_struct', 'tasks'))
    const task = [...tasks.select({ pid: 'pid' })].find(({ pid }) => pid === PID)?.address ?? 0n
    const areas = kernel.at([task], 'struct task_struct').select(
      {},
      {
        areas: {
          walk: MAPPINGS,
          select: { start: 'vm_start', end: 'vm_end', flags: 'vm_flags', file: 'vm_file', mm: 'vm_mm' },
        },
      },
    )
    const code = [...areas.child('areas')].filter(({ flags }) => (Number(flags) & 4) !== 0)
    const text = code.find(({ file }) => BigInt(file ?? 0n) !== 0n)
    const vdso = code.find(({ file }) => BigInt(file ?? 0n) === 0n)
    // A page of code where another one was, as if it had been copied and written to.
    const entries = Array.from({ length: 32 }, (_, page) =>
      entryOf(kernel, BigInt(text?.mm ?? 0n), BigInt(text?.start ?? 0n) + BigInt(page) * 4096n),
    ).filter(({ value }) => (value & 1n) === 1n)
    const [first, second] = entries
    expect(entries.length).toBeGreaterThan(1)
    const written = [text, vdso].map((area) => word(kernel, area?.address ?? 0n, VMA, 'anon_vma'))
    return [
      [first?.at ?? 0n, first?.value ?? 0n, second?.value ?? 0n],
      ...written.map(({ at, value }): Patch => [at, value, task]),
    ]
  })

  it('shows the page, where it differs, and the process that has its own of what the kernel lends', () => {
    const { rows } = table('injected-memory', copy.path)
    const found = rows.filter(({ pid }) => pid === PID)
    expect(found).toHaveLength(2)
    const [code, vdso] = found
    expect(code).toMatchObject({ path: '/usr/bin/bash', permissions: 'r-xp', reasons: ['changed'], changed_pages: 1 })
    expect(vdso).toMatchObject({ path: '[vdso]', reasons: ['changed'], changed_pages: null })
    expect(rows).toHaveLength(5)
  })
})
