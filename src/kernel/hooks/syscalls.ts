/** System calls: the tables, and the switch that newer kernels go through instead (arch/x86/entry/syscall_64.c). */

import type { Kernel } from '../kernel.js'
import { placeText } from '../places.js'
import { bytes } from '../query.js'
import type { Pointer } from './pointer.js'
import { wordsOf } from './tables.js'

/** Entries that are looked at: there are fewer than 600 on any architecture. */
const MOST_CALLS = 1 << 10
/** Bytes of the function with the switch. */
const MOST_CODE = 1 << 16

const TABLES = ['sys_call_table', 'ia32_sys_call_table', 'x32_sys_call_table', 'compat_sys_call_table']
/** Names of a call's function: the entry of an architecture, or what the compiler made one with it. */
const CALL = /^(__(x64|ia32|x32|arm64|do|se)_)?(compat_)?sys(32)?_[\w.]+$/

/** The function with the switch. */
const SWITCH = 'x64_sys_call'

export function syscallPointers(kernel: Kernel): Pointer[] {
  const entries = TABLES.flatMap((table) =>
    tableEntries(kernel, table).map((address, index) => ({
      kind: 'syscall',
      name: table,
      index,
      address,
      owner: 'kernel' as const,
      fits: (symbol: string) => CALL.test(symbol),
    })),
  )
  return [...entries, ...switched(kernel, entries)]
}

/** The words from a table's symbol to the next one, without the zeros that fill it up. */
function tableEntries(kernel: Kernel, table: string): bigint[] {
  const [start] = kernel.addresses(table)
  const batch = kernel
    .at(start === undefined ? [] : [start], 'char')
    .select({ words: bytes('', { length: MOST_CALLS * 8, max: MOST_CALLS * 8 }) })
  const packed = batch.length === 0 ? null : batch.column('words').bytes(0)
  if (packed === null || start === undefined) return []
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const own = wordsOf(kernel, table, MOST_CALLS)
  const words = Array.from({ length: own }, (_, entry) => view.getBigUint64(entry * 8, true))
  return words.slice(0, words.findLastIndex((word) => word !== 0n) + 1)
}

/**
 * What the switch goes to, of what the table has. A compiler makes a jump of each case; a call that the table has and no
 * jump leads to was redirected.
 */
function switched(kernel: Kernel, entries: readonly Pointer[]): Pointer[] {
  const [start] = kernel.addresses(SWITCH)
  const batch = kernel
    .at(start === undefined ? [] : [start], 'char')
    .select({ code: bytes('', { length: MOST_CODE, max: MOST_CODE }) })
  const code = batch.length === 0 ? null : batch.column('code').bytes(0)
  if (code === null || start === undefined) return []
  const targets = jumpTargets(code, start)
  const table = entries.filter(({ name }) => name === 'sys_call_table')
  const places = kernel.resolve(table.map(({ address }) => address))
  // One that the table should not have is told of already.
  const calls = table.filter((_, row) => CALL.test(placeText(places[row] ?? null) ?? ''))
  const own = new Map(calls.map((entry) => [entry.address, entry]))
  const found = [...own.keys()].filter((address) => targets.has(address)).length
  // A compiler that takes functions into the switch leaves no jumps to them.
  const jumps = found * 2 > own.size
  return [...own.values()].map((entry) => ({
    ...entry,
    kind: 'syscall switch',
    name: SWITCH,
    wrong: jumps && !targets.has(entry.address),
  }))
}

/** Where relative jumps and calls in some code could lead: of instructions, and of bytes that only look like one. */
function jumpTargets(code: Uint8Array, start: bigint): Set<bigint> {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength)
  const targets = new Set<bigint>()
  for (let at = 1; at + 4 <= code.length; at++) {
    const [before = 0, opcode = 0] = [code[at - 2], code[at - 1]]
    // CALL and JMP, or Jcc, with 32 bits.
    if (opcode !== 0xe8 && opcode !== 0xe9 && !(before === 0x0f && opcode >> 4 === 8)) continue
    targets.add(BigInt.asUintN(64, start + BigInt(at + 4) + BigInt(view.getInt32(at, true))))
  }
  return targets
}
