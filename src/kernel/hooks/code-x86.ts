/** First bytes of functions on x86-64 (arch/x86/kernel/ftrace.c). */

import type { CodeForm } from './code-form.js'

/** Bytes of the place that is traced. */
const SITE = 5
/** NOPs of five bytes that x86 kernels had (arch/x86/include/asm/nops.h), as numbers of which the first byte is the highest. */
const NOPS = new Set([0x0f1f440000, 0x6666666690, 0x3e8d742600])
/** CALL and JMP with 32 bits, and the breakpoint that stands in for the first byte while others are changed. */
const CALL = 0xe8
const JUMP = 0xe9
const BREAKPOINT = 0xcc

export const X86_CODE: CodeForm = {
  site: SITE,
  entries: [
    'entry_SYSCALL_64',
    'entry_SYSCALL_compat',
    'entry_INT80_compat',
    'do_syscall_64',
    'do_int80_syscall_32',
    'x64_sys_call',
    'asm_exc_page_fault',
    'asm_exc_debug',
    'asm_exc_int3',
    'ftrace_caller',
    'ftrace_regs_caller',
    '__fentry__',
  ],
  isNop([a = 0, b = 0, c = 0, d = 0, e = 0]) {
    return NOPS.has((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e)
  },
  isTraced: (code) => code[0] === CALL || code[0] === BREAKPOINT,
  mayLeave([a = 0, b = 0]) {
    return a === JUMP || a === 0x68 || (a === 0xff && b === 0x25) || ((a === 0x48 || a === 0x49) && b >> 3 === 0x17)
  },
  call: (at, code) => (code[0] === CALL ? relative(at, code, 0) : null),
  jump: (at, code, place) => (code[place] === JUMP ? relative(at, code, place) : null),
  far: absolute,
}

/** Where a CALL or JMP with 32 bits leads. */
function relative(at: bigint, code: Uint8Array, place: number): bigint {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength)
  return BigInt.asUintN(64, at + BigInt(place + 5) + BigInt(view.getInt32(place + 1, true)))
}

/** Where a jump to an address of its own leads: MOV and JMP by a register, PUSH and RET, or JMP by memory. */
function absolute(at: bigint, code: Uint8Array, place: number): bigint | null {
  const view = new DataView(code.buffer, code.byteOffset + place, code.byteLength - place)
  if (view.byteLength < 13) return null
  const [rex, move, jump] = [view.getUint8(0), view.getUint8(1), view.getUint8(10)]
  if ((rex === 0x48 || rex === 0x49) && move >> 3 === 0x17) {
    // MOV r64, imm64; then JMP r64, with a prefix for the upper eight registers.
    const opcode = jump === 0x41 ? view.getUint16(11) : view.getUint16(10)
    return (opcode & 0xfff8) === 0xffe0 ? view.getBigUint64(2, true) : null
  }
  if (rex === 0x68) return view.getUint8(5) === 0xc3 ? BigInt.asUintN(64, BigInt(view.getInt32(1, true))) : null
  if (rex === 0xff && move === 0x25) return at + BigInt(place + 6) + BigInt(view.getInt32(2, true))
  return null
}
