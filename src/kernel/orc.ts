/**
 * ORC: for each instruction of the kernel how its caller's stack pointer, frame pointer and return address are found
 * (arch/x86/include/asm/orc_types.h, arch/x86/kernel/unwind_orc.c).
 *
 * A table is two arrays: of 32-bit distances, each from its own place to the first instruction that an entry is for; and
 * of entries, {s16 sp_offset; s16 bp_offset; u16 flags}, whose flags are sp_reg:4, bp_reg:4 and a type. What the numbers
 * of types and registers mean is no type of the kernel's, and has changed twice: the table itself tells.
 */

/** What an address's stack frame is found by. */
export type Register =
  | 'undefined'
  | 'prev_sp'
  | 'ax'
  | 'dx'
  | 'di'
  | 'bp'
  | 'sp'
  | 'r10'
  | 'r13'
  | 'bp_indirect'
  | 'sp_indirect'

export type OrcKind = 'undefined' | 'end' | 'call' | 'regs' | 'regs_partial'

export interface OrcEntry {
  readonly kind: OrcKind
  readonly sp: Register
  readonly spOffset: number
  readonly bp: Register
  readonly bpOffset: number
}

/** What numbers mean. */
interface Numbers {
  readonly registers: readonly Register[]
  /** Before 6.4 there are no types for what has no frame: no register leads to it. */
  readonly typed: boolean
}

/** Registers since 4.14, and since "objtool/x86: Reorder ORC register numbering" (7.1). */
const BEFORE: readonly Register[] = [
  'undefined',
  'prev_sp',
  'dx',
  'di',
  'bp',
  'sp',
  'r10',
  'r13',
  'bp_indirect',
  'sp_indirect',
]
const AFTER: readonly Register[] = [
  'undefined',
  'ax',
  'dx',
  'sp',
  'bp',
  'di',
  'r10',
  'r13',
  'prev_sp',
  'sp_indirect',
  'bp_indirect',
]
const UNTYPED: readonly OrcKind[] = ['call', 'regs', 'regs_partial']
const TYPED: readonly OrcKind[] = ['undefined', 'end', 'call', 'regs', 'regs_partial']
/** Either bit that `end` was before 6.4. */
const END = 0xc00
/** Of what is on the stack where a function begins: its return address. */
const RETURN = 8
const IP = 4
const ENTRY = 6

/** A table, of the kernel or of a module. */
export class OrcTable {
  readonly #base: bigint
  readonly #ips: DataView
  readonly #entries: DataView
  readonly #count: number
  readonly #numbers: Numbers

  private constructor(base: bigint, ips: DataView, entries: DataView, numbers: Numbers | null) {
    this.#base = base
    this.#ips = ips
    this.#entries = entries
    this.#count = Math.min(Math.floor(ips.byteLength / IP), Math.floor(entries.byteLength / ENTRY))
    this.#numbers = numbers ?? this.#told()
  }

  /** The kernel's own, from the address of its distances, these, and the entries. */
  static own(base: bigint, ips: DataView, entries: DataView): OrcTable {
    return new OrcTable(base, ips, entries, null)
  }

  /** A module's, whose numbers are the kernel's. */
  ofModule(base: bigint, ips: DataView, entries: DataView): OrcTable {
    return new OrcTable(base, ips, entries, this.#numbers)
  }

  /** The last entry at or before an instruction; null where there is none. */
  find(instruction: bigint): OrcEntry | null {
    const wanted = Number(instruction - this.#base)
    let [from, to] = [0, this.#count]
    while (from < to) {
      const middle = (from + to) >> 1
      if (this.#ips.getInt32(middle * IP, true) + middle * IP <= wanted) from = middle + 1
      else to = middle
    }
    return from === 0 ? null : this.#entry(from - 1)
  }

  #entry(index: number): OrcEntry {
    const flags = this.#flags(index)
    const { registers, typed } = this.#numbers
    const sp = registers[flags & 15] ?? 'undefined'
    return {
      kind: typed ? (TYPED[(flags >> 8) & 7] ?? 'undefined') : untyped(flags),
      sp,
      spOffset: this.#entries.getInt16(index * ENTRY, true),
      bp: registers[(flags >> 4) & 15] ?? 'undefined',
      bpOffset: this.#entries.getInt16(index * ENTRY + 2, true),
    }
  }

  #flags(index: number): number {
    return this.#entries.getUint16(index * ENTRY + 4, true)
  }

  /** Where a function begins, its caller's stack pointer is its own and a return address: there are thousands of these. */
  #told(): Numbers {
    const times = new Map<number, number>()
    for (let index = 0; index < this.#count; index++) {
      if (this.#entries.getInt16(index * ENTRY, true) !== RETURN) continue
      const key = this.#flags(index) & 0x70f
      times.set(key, (times.get(key) ?? 0) + 1)
    }
    const [[usual] = [0]] = [...times].sort(([, left], [, right]) => right - left)
    return { registers: AFTER[usual & 15] === 'sp' ? AFTER : BEFORE, typed: TYPED[usual >> 8] === 'call' }
  }
}

function untyped(flags: number): OrcKind {
  if ((flags & 15) === 0) return (flags & END) !== 0 ? 'end' : 'undefined'
  return UNTYPED[(flags >> 8) & 3] ?? 'undefined'
}
