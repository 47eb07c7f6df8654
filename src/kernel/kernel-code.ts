/** Where the kernel's functions lie, and what ORC says of them. */

import { type CodeRange, isWithin, madeCode } from './hooks/made-code.js'
import type { Kernel } from './kernel.js'
import { type OrcEntry, OrcTable } from './orc.js'
import { ANYWHERE, addressOf, optional } from './query.js'
import { sizeOf } from './sizes.js'
import type { Code, EntryFrame } from './unwind.js'
import { ProcessMemory } from './user-memory.js'

/** Distances and entries of one table: a kernel has half a million, a large module fifty thousand. */
const MOST_ENTRIES = 1 << 22
const IP = 4
const ENTRY = 6
/** The last 2 GiB of all addresses: the kernel, its modules, and what it makes at run time (Documentation/arch/x86/x86_64/mm.rst). */
const NEAR = 0xffff_ffff_8000_0000n
/** The bit that tells the halves of arm64's addresses; between those that are translated and this one all are the same. */
const HALF = 55n

const MODULE = {
  base: ['mem[MOD_TEXT].base', 'core_layout.base'],
  size: ['mem[MOD_TEXT].size', 'core_layout.text_size'],
  count: optional('arch.num_orcs'),
  ips: optional('arch.orc_unwind_ip'),
  entries: optional('arch.orc_unwind'),
} as const

/** Registers that the kernel pushes when it is entered, with what their own frame says; before 6.13 that said nothing. */
const REGS = 'struct pt_regs'
const ENTRY_FRAME = {
  frame: optional(addressOf('stackframe')),
  type: optional(addressOf('stackframe.type')),
  pc: optional(addressOf('pc')),
  fp: optional(addressOf('regs[29]')),
} as const

interface Area {
  readonly start: bigint
  readonly end: bigint
}

interface Module extends Area {
  readonly count: number
  readonly ips: bigint | null
  readonly entries: bigint | null
}

/** Memory as the kernel sees it, through its own page tables; null where these are not known. */
export function kernelMemory(kernel: Kernel): ProcessMemory | null {
  const mm = kernel.address('init_mm')
  return mm === null ? null : ProcessMemory.at(kernel, mm, [])
}

/** The kernel's code. Tables are read when something first lies in what they are for. */
export class KernelCode implements Code {
  readonly #kernel: Kernel
  readonly #text: Area | null
  readonly #image: Area | null
  readonly #modules: readonly Module[]
  readonly #own: OrcTable | null
  readonly #tables = new Map<Module, OrcTable | null>()
  readonly #isX86: boolean
  readonly entryFrame: EntryFrame | null
  /** Bits of an address that are the same in all of the kernel's. */
  readonly #above: bigint
  #made: readonly CodeRange[] | null = null

  private constructor(kernel: Kernel) {
    this.#kernel = kernel
    this.#isX86 = kernel.info.architecture === 'x86_64'
    this.#above = BigInt.asUintN(64, -1n << BigInt(kernel.info.address_bits))
    this.#text = between(kernel, '_stext', '_etext')
    this.#image = between(kernel, '_text', '_end')
    this.#modules = readModules(kernel)
    this.#own = ownTable(kernel)
    this.entryFrame = readEntryFrame(kernel)
  }

  static of(kernel: Kernel): KernelCode {
    return new KernelCode(kernel)
  }

  /** Whether the kernel has a table at all. */
  get hasOrc(): boolean {
    return this.#own !== null
  }

  orc(instruction: bigint): OrcEntry | null {
    if (this.#own === null) return null
    if (holds(this.#text, instruction)) return this.#own.find(instruction)
    const module = this.#modules.find((module) => holds(module, instruction))
    return module === undefined ? null : (this.#table(module, this.#own)?.find(instruction) ?? null)
  }

  #table(module: Module, own: OrcTable): OrcTable | null {
    const known = this.#tables.get(module)
    if (known !== undefined) return known
    const { count, ips, entries } = module
    const parts = count === 0 || !ips || !entries ? null : tableAt(this.#kernel, ips, entries, count)
    const table = parts === null || !ips ? null : own.ofModule(ips, ...parts)
    this.#tables.set(module, table)
    return table
  }

  /**
   * What is near the kernel and none of it was made at run time: by BPF, ftrace, or by somebody who hides it. On arm64 all
   * sorts of memory is near the kernel, and only what is known to be code is some.
   */
  isText(address: bigint): boolean {
    if (holds(this.#text, address) || this.#modules.some((module) => holds(module, address))) return true
    if (holds(this.#image, address)) return false
    if (this.#isX86) return address >= NEAR && this.#kernel.physical(address) !== null
    if ((address & this.#above) !== this.#above) return false
    this.#made ??= madeCode(this.#kernel)
    return isWithin(this.#made, address)
  }

  /** arm64 signs return addresses (pointer authentication) in the bits that all of the kernel's addresses share. */
  returnAddress(word: bigint): bigint {
    return this.#isX86 || ((word >> HALF) & 1n) === 0n ? word : word | this.#above
  }
}

function between(kernel: Kernel, first: string, last: string): Area | null {
  const [start, end] = [kernel.address(first), kernel.address(last)]
  return start === null || end === null ? null : { start, end }
}

function holds(area: Area | null, address: bigint): boolean {
  return area !== null && address >= area.start && address < area.end
}

function readModules(kernel: Kernel): Module[] {
  const batch = kernel.list('modules', 'struct module', 'list').select(MODULE)
  return Array.from({ length: batch.length }, (_, row) => {
    const [start, size] = [batch.column('base').bigint(row) ?? 0n, batch.column('size').bigint(row) ?? 0n]
    const count = batch.column('count').number(row) ?? 0
    return {
      start,
      end: start + size,
      count,
      ips: batch.column('ips').bigint(row),
      entries: batch.column('entries').bigint(row),
    }
  })
}

function readEntryFrame(kernel: Kernel): EntryFrame | null {
  const size = sizeOf(kernel, REGS)
  if (size === null) return null
  const batch = kernel.unheard().at([ANYWHERE], REGS).select(ENTRY_FRAME)
  const at = (name: keyof typeof ENTRY_FRAME) => batch.column(name).bigint(0)
  const [frame, type, pc, fp] = [at('frame'), at('type'), at('pc'), at('fp')]
  if (frame === null || type === null || pc === null || fp === null) return null
  return { type: type - frame, pc: pc - frame, fp: fp - frame, end: ANYWHERE + BigInt(size) - frame }
}

function ownTable(kernel: Kernel): OrcTable | null {
  const [ips, stop] = [kernel.address('__start_orc_unwind_ip'), kernel.address('__stop_orc_unwind_ip')]
  const entries = kernel.address('__start_orc_unwind')
  if (ips === null || stop === null || entries === null) return null
  const parts = tableAt(kernel, ips, entries, Number(stop - ips) / IP)
  return parts === null ? null : OrcTable.own(ips, ...parts)
}

function tableAt(kernel: Kernel, ips: bigint, entries: bigint, count: number): [DataView, DataView] | null {
  if (!(count > 0 && count <= MOST_ENTRIES)) return null
  const memory = kernelMemory(kernel)
  const parts = [whole(memory, ips, count * IP), whole(memory, entries, count * ENTRY)] as const
  if (parts[0] !== null && parts[1] !== null) return [parts[0], parts[1]]
  kernel.warn({ code: 'unreadable', message: "a table of the code's stack frames could not be read", count: 1 })
  return null
}

function whole(memory: ProcessMemory | null, address: bigint, length: number): DataView | null {
  const bytes = new Uint8Array(length)
  let read = 0
  for (const piece of memory?.read(address, length) ?? []) {
    if (!('bytes' in piece)) return null
    bytes.set(piece.bytes, read)
    read += piece.length
  }
  return read === length ? new DataView(bytes.buffer) : null
}
