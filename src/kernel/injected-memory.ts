/** Memory that a process can execute and that no file on a disk has: injected, unpacked, compiled at run time or patched. */

import type { FilePiece } from './file-contents.js'
import type { Kernel } from './kernel.js'
import { type Mapping, readMappings } from './mappings.js'
import { optional } from './query.js'
import { type MemoryPiece, ProcessMemory } from './user-memory.js'

const VMA = 'struct vm_area_struct'
/** What the kernel lends to every process (arch/x86/entry/vdso/vma.c, kernel/events/uprobes.c). */
const LENT = new Set(['[vdso]', '[vsyscall]', '[uprobes]'])
/** Bytes that are shown of a mapping, and how much of it is searched for some that are not zero. */
const SHOWN = 64
const SEARCHED = 16 << 20
/** Bytes of files that are read to hold memory against them: code that was written to is rare. */
const COMPARED = 1 << 30
/** What says that a task's code has 32 bits: TIF_ADDR32 and TIF_32BIT (asm/thread_info.h), by `uname -m`. */
const IS_32_BIT: Readonly<Record<string, bigint>> = { x86_64: 1n << 29n, aarch64: 1n << 22n }

/**
 * Why a mapping is shown: `writable` (and executable), `anonymous` (there is no file), `memfd` (its file never had a
 * name), `deleted` (its file has none any more), `changed` (pages of it are not those of its file).
 */
export type Reason = 'writable' | 'anonymous' | 'memfd' | 'deleted' | 'changed'

/** A mapping that is executable and should not be. */
export interface Injected extends Mapping {
  reasons: Reason[]
  /** Pages that are not those of the file; null without a file, or where nothing was ever written. */
  changed_pages: number | null
  /** Where the bytes that are shown lie: of a changed file the first that differ. */
  shown: bigint | null
  bytes: Uint8Array | null
  /** Of the code. */
  bits: 32 | 64
}

const MEMBERS = {
  mm: 'vm_mm',
  file: 'vm_file',
  /** Set before the first page of a private mapping is copied for its process, and never before. */
  written: 'anon_vma',
  host: 'vm_file->f_mapping->host',
  page: 'vm_pgoff',
} as const

/** All such mappings of some tasks, in their order. */
export function readInjectedMemory(kernel: Kernel, tasks: readonly bigint[]): Injected[] {
  const mappings = readMappings(kernel, tasks).filter(({ permissions }) => permissions?.includes('x'))
  const areas = kernel.at(
    mappings.map(({ address }) => address),
    VMA,
  )
  const rows = areas.select(MEMBERS)
  const bits = codeBits(kernel, tasks)
  const budget = { left: COMPARED }
  const found = mappings.flatMap((mapping, row): Injected[] => {
    const area = {
      mm: rows.column('mm').bigint(row) ?? 0n,
      file: rows.column('file').bigint(row) !== 0n,
      written: (rows.column('written').bigint(row) ?? 0n) !== 0n,
      host: rows.column('host').bigint(row),
      first: (rows.column('page').bigint(row) ?? 0n) * BigInt(kernel.info.page_size),
    }
    const memory = ProcessMemory.at(kernel, area.mm, [])
    const change = area.file && area.written ? changes(kernel, memory, mapping, area, budget) : null
    const reasons = reasonsFor(mapping, area, change)
    if (reasons.length === 0) return []
    const shown = change?.first ?? firstBytes(memory, mapping, kernel.info.page_size)
    const bytes = shown === null ? null : bytesAt(memory, shown, mapping.end ?? shown)
    const width = bits.get(mapping.task) ?? 64
    return [{ ...mapping, reasons, changed_pages: change?.pages ?? null, shown, bytes, bits: width }]
  })
  if (budget.left < 0) kernel.warn({ code: 'cap', message: 'more code was written to than is looked at', count: 1 })
  return found
}

interface Area {
  readonly file: boolean
  readonly written: boolean
  readonly host: bigint | null
  /** Where in the file it begins, in bytes. */
  readonly first: bigint
}

function reasonsFor({ permissions, path }: Mapping, { file, written }: Area, change: Change | null): Reason[] {
  const lent = !file && path !== null && LENT.has(path)
  // What is lent is the same in all processes; a page that was copied for this one is another.
  if (lent) return written ? ['changed'] : []
  const deleted = file && path?.endsWith(' (deleted)') === true
  const memfd = deleted && path?.startsWith('/memfd:') === true
  const reasons: [Reason, boolean][] = [
    ['writable', permissions?.includes('w') === true],
    ['anonymous', !file],
    ['memfd', memfd],
    ['deleted', deleted && !memfd],
    ['changed', change !== null && change.pages > 0],
  ]
  return reasons.flatMap(([reason, holds]) => (holds ? [reason] : []))
}

interface Change {
  readonly pages: number
  /** The first byte that differs. */
  readonly first: bigint | null
}

/** What of a mapping is not what its file has in memory. A page that is mapped and not the process's own is the file's. */
function changes(
  kernel: Kernel,
  memory: ProcessMemory,
  { start, end }: Mapping,
  area: Area,
  budget: { left: number },
): Change | null {
  if (start === null || end === null || !area.host) return null
  const contents = kernel.fileContents(area.host)
  if (contents === null) return null
  let [pages, first] = [0, null as bigint | null]
  const pageSize = kernel.info.page_size
  const [from, to] = [Number(area.first), Number(area.first + (end - start))]
  for (const piece of contents) {
    if (piece.offset >= to || budget.left < 0) break
    budget.left -= 'bytes' in piece ? piece.length : 0
    if (piece.offset + piece.length <= from) continue
    for (const { address, difference } of differing(memory, piece, { start, from, to, pageSize })) {
      pages++
      first ??= address + BigInt(difference)
    }
  }
  return { pages, first }
}

/** Pages of a piece of a file that are others in a process; where the file has none in memory, any that there are. */
function* differing(
  memory: ProcessMemory,
  piece: FilePiece,
  { start, from, to, pageSize }: { start: bigint; from: number; to: number; pageSize: number },
): Generator<{ address: bigint; difference: number }> {
  const [first, last] = [Math.max(piece.offset, from), Math.min(piece.offset + piece.length, to)]
  // What nobody can tell of a file may be just the same.
  if ('missing' in piece && piece.missing !== 'not cached') return
  for (const part of memory.read(start + BigInt(first - from), last - first)) {
    if (!('bytes' in part)) continue
    const offset = Number(part.address - start) + from
    for (let at = 0; at < part.length; at += pageSize) {
      const own = part.bytes.subarray(at, at + pageSize)
      const from = offset + at - piece.offset
      const other = 'bytes' in piece ? piece.bytes.subarray(from, from + own.length) : null
      if (other !== null && Buffer.compare(own, other) === 0) continue
      const difference = own.findIndex((byte, index) => byte !== other?.[index])
      yield { address: part.address + BigInt(at), difference }
    }
  }
}

/** Where the first page begins that is not all zeros; of all zeros, the first that there is. */
function firstBytes(memory: ProcessMemory, { start, end }: Mapping, pageSize: number): bigint | null {
  if (start === null || end === null) return null
  let any: bigint | null = null
  let left = SEARCHED
  for (const piece of piecesOf(memory, start, end)) {
    if (!('bytes' in piece)) continue
    any ??= piece.address
    const at = piece.bytes.findIndex((byte) => byte !== 0)
    if (at >= 0) return piece.address + BigInt(at - (at % pageSize))
    left -= piece.length
    if (left <= 0) break
  }
  return any
}

/** A mapping may be larger than a number of bytes can be. */
function piecesOf(memory: ProcessMemory, start: bigint, end: bigint): Iterable<MemoryPiece> {
  return memory.read(start, Number(end - start))
}

function bytesAt(memory: ProcessMemory, address: bigint, end: bigint): Uint8Array | null {
  const view = memory.readWhole(address, Math.min(SHOWN, Number(end - address)))
  return view === null ? null : new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

/** Programs of 32 bits run on processors of 64. */
function codeBits(kernel: Kernel, tasks: readonly bigint[]): Map<bigint, 32 | 64> {
  const rows = kernel.at(tasks, 'struct task_struct').select({ flags: optional('thread_info.flags') })
  const flag = IS_32_BIT[kernel.info.architecture] ?? 0n
  return new Map(tasks.map((task, row) => [task, ((rows.column('flags').bigint(row) ?? 0n) & flag) !== 0n ? 32 : 64]))
}
