/** First bytes of functions on arm64 (arch/arm64/kernel/ftrace.c, arch/arm64/include/asm/insn.h). */

import type { CodeForm } from './code-form.js'

const WORD = 4
const NOP = 0xd503201f
/** BRK, whatever its number, which stands in for an instruction that is probed. */
const BREAKPOINT = { mask: 0xffe0001f, is: 0xd4200000 }
/** B and BL: 26 bits of distance, in instructions. */
const BRANCH = 0b000101
const CALL = 0b100101
/** LDR of a word that lies so many instructions further, and BR by the register. */
const LOAD = { mask: 0xff000000, is: 0x58000000 }
const BY_REGISTER = { mask: 0xfffffc1f, is: 0xd61f0000 }
/** MOVZ and MOVK: 16 bits each into a register. */
const MOVE = { mask: 0xff800000, is: 0xd2800000 }
const KEEP = { mask: 0xff800000, is: 0xf2800000 }

export const ARM64_CODE: CodeForm = {
  site: WORD,
  entries: [
    'vectors',
    'el0t_64_sync',
    'el0t_32_sync',
    'el0t_64_sync_handler',
    'el0t_32_sync_handler',
    'el0_svc',
    'do_el0_svc',
    'do_el0_svc_compat',
    'do_mem_abort',
    'ftrace_caller',
  ],
  isNop: (code) => instruction(code, 0) === NOP,
  isTraced: (code) => instruction(code, 0) >>> 26 === CALL || is(BREAKPOINT, instruction(code, 0)),
  mayLeave(code) {
    const first = instruction(code, 0)
    return first >>> 26 === BRANCH || is(LOAD, first) || is(MOVE, first)
  },
  call: (at, code) => (instruction(code, 0) >>> 26 === CALL ? branch(at, code, 0) : null),
  jump: (at, code, place) => (instruction(code, place) >>> 26 === BRANCH ? branch(at, code, place) : null),
  far: (_, code, place) => loaded(code, place) ?? moved(code, place),
}

/** The instruction at a place; 0, which is none, behind the end. */
function instruction(code: Uint8Array, place: number): number {
  if (place + WORD > code.length) return 0
  return new DataView(code.buffer, code.byteOffset, code.byteLength).getUint32(place, true)
}

function is({ mask, is }: { mask: number; is: number }, word: number): boolean {
  return (word & mask) >>> 0 === is
}

/** Where a B or BL leads. */
function branch(at: bigint, code: Uint8Array, place: number): bigint {
  const distance = BigInt.asIntN(26, BigInt(instruction(code, place) & 0x3ffffff)) * BigInt(WORD)
  return BigInt.asUintN(64, at + BigInt(place) + distance)
}

function register(word: number): number {
  return word & 31
}

/** The register by which a BR goes on; null of another instruction. */
function goesBy(word: number): number | null {
  return is(BY_REGISTER, word) ? (word >>> 5) & 31 : null
}

/** LDR of an address that lies among the code, and BR to it. */
function loaded(code: Uint8Array, place: number): bigint | null {
  const load = instruction(code, place)
  if (!is(LOAD, load) || goesBy(instruction(code, place + WORD)) !== register(load)) return null
  const at = place + ((load >>> 5) & 0x7ffff) * WORD
  if (at + 8 > code.length) return null
  return new DataView(code.buffer, code.byteOffset, code.byteLength).getBigUint64(at, true)
}

/** MOVZ and up to three MOVK into one register, and BR to it. */
function moved(code: Uint8Array, place: number): bigint | null {
  const first = instruction(code, place)
  if (!is(MOVE, first)) return null
  let address = 0n
  for (let at = place; at + WORD <= code.length; at += WORD) {
    const word = instruction(code, at)
    if (goesBy(word) === register(first)) return address
    if (!(at === place || is(KEEP, word)) || register(word) !== register(first)) return null
    const shift = BigInt(((word >>> 21) & 3) * 16)
    address = (address & ~(0xffffn << shift)) | (BigInt((word >>> 5) & 0xffff) << shift)
  }
  return null
}
