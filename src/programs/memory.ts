/** Where programs keep what they remember: heaps, and the variables that lead into them. */

import type { Kernel } from '../kernel/kernel.js'
import { MAPPINGS, OF_MEMORY } from '../kernel/mappings.js'
import { TASK_STRUCT } from '../kernel/objects.js'
import { dPath, type Nested, text } from '../kernel/query.js'
import { type MemoryPiece, ProcessMemory, type Range } from '../kernel/user-memory.js'

/** VM_WRITE and VM_SHARED (include/linux/mm.h). */
const VM_WRITE = 0x2
const VM_SHARED = 0x8
/** Mappings of one process that are looked at: twice the usual vm.max_map_count. */
const MOST_MAPPINGS = 1 << 17
/** What shells are called, and the programs of many names that have one. */
const SHELL = /(?:sh|busybox|toybox)(?: \(deleted\))?$/

/** Bytes of a program's variables that are looked at. */
const MOST_VARIABLES = 16 << 20
const WORD = 8

/** What is read of a process's memory. `ProcessMemory` is one. */
export interface Memory {
  find(patterns: readonly string[], options: { ranges: readonly Range[] }): Iterable<{ address: bigint; which: number }>
  findWords(
    words: readonly bigint[],
    options: { ranges: readonly Range[] },
  ): Iterable<{ address: bigint; which: number }>
  read(address: bigint, length: number): Iterable<MemoryPiece>
  /** Null unless all of it is in memory. */
  readWhole(address: bigint, length: number): DataView | null
  /** Null unless its NUL is within `most` bytes, and all of it in memory. */
  text(address: bigint, most: number): string | null
  /** The same as bytes. */
  string(address: bigint, most: number): Uint8Array | null
}

/** A program's own memory. */
export interface Program {
  readonly memory: Memory
  /** Whether it bears the name of a shell. */
  readonly shell: boolean
  /** What is searched: of a shell all writable memory without a file, of any other program its heap. */
  readonly searched: readonly Range[]
  /** All writable memory without a file. */
  readonly anonymous: readonly Range[]
  /** Variables of the program and its libraries: their initialized data, and what lies right behind it. */
  readonly variables: readonly Range[]
}

const MEMBERS = {
  mm: 'mm',
  start: 'mm->start_brk',
  end: 'mm->brk',
  comm: text('comm'),
  exe: dPath('mm->exe_file'),
} as const

const AREAS = {
  walk: MAPPINGS,
  rules: [OF_MEMORY],
  select: { start: 'vm_start', end: 'vm_end', file: 'vm_file', flags: 'vm_flags' },
} satisfies Nested

/** The programs that run in some tasks, by these. Kernel threads run none. */
export function readPrograms(kernel: Kernel, tasks: readonly bigint[]): Map<bigint, Program> {
  const owners = kernel.at(tasks, TASK_STRUCT).select(MEMBERS, { areas: AREAS })
  const areas = owners.child('areas')
  const own = new Map<number, Area[]>()
  for (let row = 0; row < areas.length; row++) {
    const [start, end] = [areas.column('start').bigint(row), areas.column('end').bigint(row)]
    const [file, flags] = [areas.column('file').bigint(row), areas.column('flags').bigint(row)]
    if (start === null || end === null || file === null || flags === null) continue
    const parent = areas.parents[row] ?? 0
    const known = own.get(parent)
    const area = { start, end, file: file !== 0n, flags: Number(BigInt.asUintN(32, flags)) }
    if (known === undefined) own.set(parent, [area])
    else if (known.length < MOST_MAPPINGS) known.push(area)
  }
  const programs = new Map<bigint, Program>()
  for (let row = 0; row < owners.length; row++) {
    const [mm, start, end] = [owners.column('mm'), owners.column('start'), owners.column('end')].map((column) =>
      column.bigint(row),
    )
    if (!mm) continue
    const names = [owners.column('comm').text(row), owners.column('exe').text(row)]
    const shell = names.some((name) => name !== null && SHELL.test(name))
    const heap = start != null && end != null && start < end ? [{ start, end }] : []
    const { anonymous, variables } = sorted(own.get(row) ?? [])
    const searched = shell ? anonymous : heap
    const memory = ProcessMemory.at(kernel, mm, searched)
    programs.set(owners.address(row), { memory, shell, searched, anonymous, variables })
  }
  return programs
}

interface Area extends Range {
  readonly file: boolean
  readonly flags: number
}

function sorted(areas: readonly Area[]): Pick<Program, 'anonymous' | 'variables'> {
  const [anonymous, variables]: [Range[], Range[]] = [[], []]
  let endOfFile = null as bigint | null
  for (const { start, end, file, flags } of areas) {
    const writable = (flags & VM_WRITE) !== 0 && (flags & VM_SHARED) === 0
    if (writable && !file) anonymous.push({ start, end })
    // The loader puts variables that begin as zeros behind those of the file (fs/binfmt_elf.c, set_brk()).
    if (writable && (file || start === endOfFile)) variables.push({ start, end })
    if (file) endOfFile = end
  }
  return { anonymous, variables }
}

/** Whether an address is in one of some ranges, which are in order. */
export function within(ranges: readonly Range[], address: bigint): boolean {
  let [from, to] = [0, ranges.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (address >= (ranges[middle]?.end ?? 0n)) from = middle + 1
    else to = middle
  }
  return address >= (ranges[from]?.start ?? address + 1n)
}

/** Where variables lead to in the heap. */
export function* variablePointers({ memory, anonymous, variables }: Program): Generator<bigint> {
  let left = MOST_VARIABLES
  for (const { start, end } of variables) {
    const length = Math.min(Number(end - start), left)
    for (const piece of memory.read(start, length)) {
      if (!('bytes' in piece)) continue
      const words = new DataView(piece.bytes.buffer, piece.bytes.byteOffset, piece.bytes.byteLength)
      for (let at = 0; at + WORD <= words.byteLength; at += WORD) {
        const word = words.getBigUint64(at, true)
        if (word !== 0n && within(anonymous, word)) yield word
      }
    }
    left -= length
  }
}
