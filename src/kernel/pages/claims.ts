/** What pages are of which their `struct page` says nothing: told by the structures that lead to them. */

import type { Kernel } from '../kernel.js'
import { type NativeMaps, native } from '../native.js'
import { TASK_STRUCT } from '../objects.js'
import { array, type Nested } from '../query.js'
import { readFreePages } from './free-pages.js'
import { covered, disjoint, isAnyIn, type Stretch } from './stretch.js'

/** Stacks of kernels with KASAN, on arm64 with pages of 64 KiB. */
const LARGEST_STACK = 1 << 18

/** What a stretch of memory is claimed to be. */
export const CLAIMS = [
  'kernel stack',
  'pipe',
  'free',
  'page table',
  'page structs',
  'kernel image',
  'module',
  'kernel mapping',
] as const

export type ClaimKind = (typeof CLAIMS)[number]

/** A stretch that something claims. */
export interface Claim extends Stretch {
  readonly kind: ClaimKind
  /** How far its virtual addresses are from the physical ones, where it is mapped. */
  readonly shift: bigint | null
  /** Of a kernel stack the task whose it is; of page tables the `mm_struct`, null for the kernel's own. */
  readonly owner: bigint | null
}

/** Tasks whose stacks and page tables are looked at, and pipes. */
export interface Claimants {
  readonly tasks: readonly bigint[]
  readonly mms: readonly bigint[]
  /** `struct file`s of pipes. */
  readonly pipes: readonly bigint[]
}

/** Claims of all of memory, or where pages are given (ascending) on these, ascending and disjoint. */
export function readClaims(kernel: Kernel, { tasks, mms, pipes }: Claimants, pages: readonly number[] | null): Claim[] {
  const maps = native.kernelMaps(kernel.id)
  tell(kernel, maps, "the kernel's page tables")
  const asked = (start: number, end: number) => pages === null || isAnyIn(pages, start, end)
  const own = [...maps.tables].map((table) => page(kernel, Number(table), 'page table', null, null))
  const free = readFreePages(kernel).filter(({ start, end }) => asked(start, end))
  const kernelMaps = mapped(kernel, maps, asked)
  const ranked: Claim[][] = [
    stacks(kernel, tasks),
    pipeBuffers(kernel, pipes),
    free.map((stretch) => ({ ...stretch, kind: 'free', shift: null, owner: null })),
    [...tables(kernel, mms), ...own],
    kernelMaps.filter(({ kind }) => kind !== 'kernel image'),
    // What the kernel needs no more of its image it gives away, and leaves mapped where it was.
    kernelMaps.filter(({ kind }) => kind === 'kernel image'),
  ]
  return ranked.map((claims) => disjoint(claims.filter(({ start, end }) => asked(start, end)))).reduce(covered, [])
}

function page(kernel: Kernel, start: number, kind: ClaimKind, address: bigint | null, owner: bigint | null): Claim {
  return {
    start,
    end: start + kernel.info.page_size,
    kind,
    shift: address === null ? null : address - BigInt(start),
    owner,
  }
}

function tell(kernel: Kernel, { lost, capped }: Pick<NativeMaps, 'lost' | 'capped'>, what: string): void {
  if (lost > 0) kernel.warn({ code: 'unreadable', message: `some of ${what} are not in the image`, count: lost })
  if (capped) kernel.warn({ code: 'cap', message: `${what} map more than is looked at: the rest is left out` })
}

/** Kernel stacks, page by page: they need not lie in a row. */
function stacks(kernel: Kernel, tasks: readonly bigint[]): Claim[] {
  const found = kernel.at(tasks, TASK_STRUCT).select({ stack: 'stack' })
  const addresses = Array.from({ length: found.length }, (_, row) => found.column('stack').bigint(row))
  const size = stackSize(kernel)
  const step = kernel.info.page_size
  return addresses.flatMap((stack, row) => {
    if (stack === null || stack === 0n) return []
    return Array.from({ length: size / step }, (_, number) => {
      const address = stack + BigInt(number * step)
      const physical = kernel.physical(address)
      return physical === null ? [] : [page(kernel, Number(physical), 'kernel stack', address, found.address(row))]
    }).flat()
  })
}

/** THREAD_SIZE: the room of the first task's stack (include/asm-generic/vmlinux.lds.h); 0 where nothing says so. */
function stackSize(kernel: Kernel): number {
  const between = (first: string, last: string) => {
    const [start, end] = [kernel.address(first), kernel.address(last)]
    return start === null || end === null ? null : Number(end - start)
  }
  const size = between('__start_init_stack', '__end_init_stack') ?? between('__start_init_task', '__end_init_task') ?? 0
  return size > 0 && size <= LARGEST_STACK ? size : 0
}

const BUFFERS = {
  walk: array('((struct pipe_inode_info *)private_data)->bufs', {
    count: ['((struct pipe_inode_info *)private_data)->ring_size', '((struct pipe_inode_info *)private_data)->buffers'],
    type: 'struct pipe_buffer',
    // fs.pipe-max-size may be raised to 2 GiB; 1 MiB is what anybody may ask for.
    most: 1 << 12,
  }),
  select: { page: 'page', length: 'len' },
} satisfies Nested

/** Pages that hold what was written to a pipe and not yet read. */
function pipeBuffers(kernel: Kernel, pipes: readonly bigint[]): Claim[] {
  const files = kernel.at(pipes, 'struct file').select({}, { buffers: BUFFERS })
  const buffers = files.child('buffers')
  const pages = native.pageStructs(kernel.id)
  return Array.from({ length: buffers.length }, (_, row) => {
    const [address, length] = [buffers.column('page').bigint(row), buffers.column('length').number(row)]
    if (pages === null || !address || !length) return []
    const number = Number(address - pages.first) / pages.size
    if (number < 0 || !Number.isInteger(number)) return []
    const owner = files.address(buffers.parents[row] ?? 0)
    return [page(kernel, number * kernel.info.page_size, 'pipe', null, owner)]
  }).flat()
}

/** Page tables of processes. */
function tables(kernel: Kernel, mms: readonly bigint[]): Claim[] {
  const mapped = native.mappedPages(kernel.id, BigUint64Array.from(mms), new BigUint64Array(), true)
  tell(kernel, mapped, "processes' page tables")
  return Array.from(mapped.tables, (table, row) =>
    page(kernel, Number(table), 'page table', null, mms[mapped.tableSpaces[row] ?? 0] ?? null),
  )
}

/** What the kernel's own tables map: its image, modules, `struct page`s, and what else it has put together. */
function mapped(kernel: Kernel, { runs }: NativeMaps, asked: (start: number, end: number) => boolean): Claim[] {
  const all = Array.from({ length: runs.length / 3 }, (_, row) => {
    const start = Number(runs[row * 3] ?? 0n)
    return { start, end: start + Number(runs[row * 3 + 2] ?? 0n), address: runs[row * 3 + 1] ?? 0n }
  })
  const near = all.filter(({ start, end }) => asked(start, end))
  const places = kernel.unheard().resolve(near.map(({ address }) => address))
  const [text, end] = [kernel.address('_text'), kernel.address('_end')]
  const pages = native.pageStructs(kernel.id)
  const last = kernel.info.ranges.reduce((most, { end }) => Math.max(most, Number(end)), 0)
  const behind = pages === null ? 0n : pages.first + BigInt(Math.ceil(last / kernel.info.page_size) * pages.size)
  const kindOf = (address: bigint, row: number): ClaimKind => {
    if (text !== null && end !== null && address >= text && address < end) return 'kernel image'
    if (pages !== null && address >= pages.first && address < behind) return 'page structs'
    const place = places[row]
    return place != null && place.module !== 'kernel' ? 'module' : 'kernel mapping'
  }
  return near.map(({ start, end, address }, row) => {
    return { start, end, kind: kindOf(address, row), shift: address - BigInt(start), owner: null }
  })
}
