/**
 * First bytes of functions. Each that can be traced begins with five bytes that ftrace knows of: a NOP, or a call of
 * ftrace's where it is traced (kernel/trace/ftrace.c, arch/x86/kernel/ftrace.c). Anything else, and a jump out of the
 * kernel right behind them, was put there by somebody.
 */

import type { Kernel } from '../kernel.js'
import { placeText } from '../places.js'
import { array, bytes, type Nested } from '../query.js'
import { isWithin, madeCode } from './made-code.js'
import type { Pointer } from './pointer.js'
import { chained, ownerOf } from './tables.js'

/** Records of one group (struct ftrace_page), which is of whole pages; a kernel with all its modules has some 120 000. */
const MOST_IN_GROUP = 1 << 20
/** FTRACE_FL_ENABLED (include/linux/ftrace.h): the highest bit of 32. */
const ENABLED = 2 ** 31
/** Bytes of a function that are looked at: the place that is traced, and the longest jump behind it. */
const LOOKED_AT = 24
/** Bytes of the place that is traced. */
const SITE = 5
/** NOPs of five bytes that x86 kernels had (arch/x86/include/asm/nops.h), as numbers of which the first byte is the highest. */
const NOPS = new Set([0x0f1f440000, 0x6666666690, 0x3e8d742600])
/** CALL and JMP with 32 bits, and the breakpoint that stands in for the first byte while others are changed. */
const CALL = 0xe8
const JUMP = 0xe9
const BREAKPOINT = 0xcc

/** Functions that cannot be traced and through which everything goes: a jump out of the kernel is looked for in them. */
const ENTRIES = [
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
]

const FUNCTIONS = {
  walk: array('records', { count: 'index', most: MOST_IN_GROUP }),
  select: { at: 'ip', flags: 'flags', code: bytes('((char *)ip)', { length: LOOKED_AT }) },
} satisfies Nested

/** A function's first bytes. */
interface Function {
  at: bigint
  code: Uint8Array
  /** Whether ftrace says that it is traced; null where ftrace does not know it. */
  traced: boolean | null
}

/** What leads out of a function at once: a way that is known, or a change. */
interface Way {
  from: Function
  target: bigint
  kind: 'ftrace site' | 'function'
  wrong: boolean
}

export function textPointers(kernel: Kernel): Pointer[] {
  if (kernel.info.architecture !== 'x86_64') return []
  const ways = [...traceable(kernel), ...entries(kernel)].flatMap(waysOut)
  const ranges = madeCode(kernel)
  const own = kernel.resolve(ways.map(({ from }) => from.at))
  const reached = kernel.resolve(ways.map(({ target }) => target))
  return ways.flatMap((way, row) => {
    const [place = null, target = null] = [own[row], reached[row]]
    const made = isWithin(ranges, way.target)
    const symbol = placeText(place)
    // A function of a module may end in a call of any other's.
    const leaves = target === null ? !made : place?.module === 'kernel' && target.module !== 'kernel'
    if (way.kind === 'function' && !way.wrong && !leaves) return []
    return {
      kind: way.kind,
      name: symbol,
      index: null,
      address: way.target,
      owner: ownerOf(place),
      expected: way.kind === 'function' ? 'no jump' : 'ftrace_caller',
      made,
      wrong: way.kind === 'function',
    }
  })
}

function traceable(kernel: Kernel): Function[] {
  const pages = chained(kernel, 'ftrace_pages_start', 'struct ftrace_page').select({}, { functions: FUNCTIONS })
  const functions = pages.child('functions')
  const [at, flags, code] = [functions.column('at'), functions.column('flags'), functions.column('code')]
  const found: Function[] = []
  for (let row = 0; row < functions.length; row++) {
    const bytes = code.bytes(row)
    const [address, flag] = [at.bigint(row), flags.number(row)]
    if (bytes === null || address === null || flag === null) continue
    const traced = Math.floor(flag / ENABLED) % 2 === 1
    // Nearly all are untouched: what is behind is looked at, and no object is made.
    if (traced || !isNop(bytes) || mayLeave(bytes.subarray(SITE))) found.push({ at: address, code: bytes, traced })
  }
  return found
}

function entries(kernel: Kernel): Function[] {
  const batch = kernel
    .at(
      ENTRIES.flatMap((symbol) => kernel.addresses(symbol)),
      'char',
    )
    .select({ code: bytes('', { length: LOOKED_AT }) })
  return Array.from({ length: batch.length }, (_, row) => row).flatMap((row) => {
    const code = batch.column('code').bytes(row)
    return code === null ? [] : [{ at: batch.address(row), code, traced: null }]
  })
}

function waysOut(from: Function): Way[] {
  const { at, code, traced } = from
  if (traced === null) return leaving(from, 0)
  const first = relative(at, code, 0)
  const patched = traced ? code[0] === CALL || code[0] === BREAKPOINT : isNop(code)
  if (!patched) return [{ from, target: first ?? absolute(at, code, 0) ?? at, kind: 'function', wrong: true }]
  const site: Way[] = traced && first !== null ? [{ from, target: first, kind: 'ftrace site', wrong: false }] : []
  return [...site, ...leaving(from, SITE)]
}

/** A jump that begins at a place of a function's. */
function leaving(from: Function, place: number): Way[] {
  const { at, code } = from
  const jump = code[place] === JUMP ? relative(at, code, place) : null
  if (jump !== null) return [{ from, target: jump, kind: 'function', wrong: false }]
  const far = absolute(at, code, place)
  return far === null ? [] : [{ from, target: far, kind: 'function', wrong: true }]
}

function isNop(code: Uint8Array): boolean {
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = code
  return NOPS.has((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e)
}

/** Whether some code begins as one of the jumps does that are looked for. */
function mayLeave(code: Uint8Array): boolean {
  const [a = 0, b = 0] = code
  return a === JUMP || a === 0x68 || (a === 0xff && b === 0x25) || ((a === 0x48 || a === 0x49) && b >> 3 === 0x17)
}

/** Where a CALL or JMP with 32 bits leads. */
function relative(at: bigint, code: Uint8Array, place: number): bigint | null {
  if (code[place] !== CALL && code[place] !== JUMP) return null
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
