/** Frames of a kernel stack, from the registers that were saved when its task went to sleep. */

import type { OrcEntry, Register } from './orc.js'

/** `struct pt_regs` of x86-64 (arch/x86/include/asm/ptrace.h), which entry code pushes: where each register lies. */
const REGS: Partial<Record<Register | 'ip' | 'cs', number>> = {
  r13: 16,
  bp: 32,
  r10: 56,
  ax: 80,
  dx: 96,
  di: 112,
  ip: 128,
  cs: 136,
  sp: 152,
}
/** What of it the processor pushes itself: from `ip` on (IRET_FRAME_OFFSET, arch/x86/include/asm/unwind.h). */
const IRET = 128
/** The part of a code segment's number that tells user mode (SEGMENT_RPL_MASK, arch/x86/include/asm/segment.h). */
const USER = 3n
const WORD = 8n
/** Frames of one stack: the deepest that are known have half of it. */
const MOST = 256

/** How a frame was found. */
export type Found = 'orc' | 'frame pointer' | 'candidate'

export interface Frame {
  /** Where the function goes on. */
  readonly address: bigint
  readonly found: Found
  /** Whether it was interrupted there, and did not call. */
  readonly interrupted: boolean
}

export interface Unwound {
  readonly frames: readonly Frame[]
  /** Whether they end where a stack begins. */
  readonly whole: boolean
}

/** A stack from its saved stack pointer up to its top. */
export interface Stack {
  /** Of the first byte. */
  readonly start: bigint
  readonly bytes: DataView
}

/** The registers of a sleeping task. */
export interface Saved {
  readonly ip: bigint
  readonly sp: bigint
  readonly bp: bigint
}

/** What the code says of its frames. */
export interface Code {
  /** Null where there is no table, or it says nothing. */
  orc(instruction: bigint): OrcEntry | null
  /** Whether functions lie there: of the kernel, its modules, or made at run time. */
  isText(address: bigint): boolean
  /** A word that may be a return address, without what protects it. */
  returnAddress(word: bigint): bigint
  /** Null where a frame of two zeros says nothing: it is the last one. */
  readonly entryFrame: EntryFrame | null
}

/**
 * The frame that an arm64 kernel leaves within the registers that it pushes when it is entered (struct frame_record_meta,
 * arch/arm64/include/asm/stacktrace/frame.h): two zeros, and behind them why. From it on, in bytes:
 */
export interface EntryFrame {
  readonly type: bigint
  readonly pc: bigint
  /** The frame pointer that was in its register. */
  readonly fp: bigint
  /** The end of all registers. */
  readonly end: bigint
}

/** What such a frame stands for: FRAME_META_TYPE_FINAL and FRAME_META_TYPE_PT_REGS. */
const ENTERED_LAST = 1n
const INTERRUPTED = 2n

/** Where nothing is known of an instruction, its function may keep frame pointers (orc_fp_entry). */
const BY_FRAME_POINTER: OrcEntry = { kind: 'call', sp: 'bp', spOffset: 16, bp: 'prev_sp', bpOffset: -16 }

function word({ start, bytes }: Stack, address: bigint): bigint | null {
  const at = address - start
  return at >= 0n && at + WORD <= BigInt(bytes.byteLength) ? bytes.getBigUint64(Number(at), true) : null
}

interface State extends Saved {
  /** Where registers were pushed by what interrupted the function; null for one that called. */
  readonly regs: bigint | null
  readonly full: boolean
}

/** As the kernel's own unwinder goes (unwind_next_frame()). */
export function unwindByOrc(stack: Stack, saved: Saved, code: Code): Unwound {
  const frames: Frame[] = []
  let state: State = { ...saved, regs: null, full: false }
  let found: Found = 'orc'
  while (frames.length < MOST && code.isText(state.ip)) {
    const interrupted = state.regs !== null
    frames.push({ address: state.ip, found, interrupted })
    const entry = code.orc(interrupted ? state.ip : state.ip - 1n)
    if (entry?.kind === 'end') return { frames, whole: true }
    if (entry?.kind === 'undefined') break
    found = entry === null ? 'frame pointer' : 'orc'
    const next = callerOf(stack, state, entry ?? BY_FRAME_POINTER)
    if (next === null) break
    if (isUser(stack, next)) return { frames, whole: true }
    // The kernel's stacks go up: one that does not is torn, or was made to go on for ever.
    if (next.sp <= state.sp) break
    state = next
  }
  return { frames, whole: false }
}

function isUser(stack: Stack, { regs }: State): boolean {
  const cs = regs === null ? null : word(stack, regs + BigInt(REGS.cs ?? 0))
  return cs !== null && (cs & USER) === USER
}

function callerOf(stack: Stack, state: State, entry: OrcEntry): State | null {
  const sp = frameOf(stack, state, entry)
  if (sp === null) return null
  const ip = entry.kind === 'call' ? word(stack, sp - WORD) : null
  const bp = framePointerOf(stack, state, entry, sp)
  if (bp === null) return null
  if (entry.kind === 'call') return ip === null ? null : { ip, sp, bp, regs: null, full: false }
  const full = entry.kind === 'regs'
  const regs = full ? sp : sp - BigInt(IRET)
  const [before, above] = [word(stack, regs + BigInt(IRET)), word(stack, regs + BigInt(REGS.sp ?? 0))]
  return before === null || above === null ? null : { ip: before, sp: above, bp, regs, full }
}

/** The stack pointer of the caller. */
function frameOf(stack: Stack, state: State, { sp, spOffset }: OrcEntry): bigint | null {
  const offset = BigInt(spOffset)
  switch (sp) {
    case 'sp':
      return state.sp + offset
    case 'bp':
      return state.bp + offset
    case 'bp_indirect':
      return word(stack, state.bp + offset)
    case 'sp_indirect': {
      const value = word(stack, state.sp)
      return value === null ? null : value + offset
    }
    default:
      return register(stack, state, sp)
  }
}

function framePointerOf(stack: Stack, state: State, { bp, bpOffset }: OrcEntry, sp: bigint): bigint | null {
  if (bp === 'prev_sp') return word(stack, sp + BigInt(bpOffset))
  if (bp === 'bp') return word(stack, state.bp + BigInt(bpOffset))
  return register(stack, state, 'bp') ?? state.bp
}

/** A register that was pushed when the function was interrupted. */
function register(stack: Stack, { regs, full }: State, name: Register): bigint | null {
  const at = REGS[name]
  return regs === null || !full || at === undefined ? null : word(stack, regs + BigInt(at))
}

/**
 * Along the frame pointers, of a kernel that was built with them: each leads to the caller's, with the return address
 * behind it, on x86-64 and arm64 alike. One that leads to registers is odd, and is where a stack begins; where arm64's
 * say why they were pushed, it goes on in what was interrupted.
 */
export function unwindByFramePointer(stack: Stack, saved: Saved, code: Code): Unwound {
  const frames: Frame[] = code.isText(saved.ip) ? [frame(saved.ip, 'frame pointer')] : []
  let bp = saved.bp
  while (frames.length < MOST) {
    const [next, address] = [word(stack, bp), returnAt(stack, bp + WORD, code)]
    if (next === 0n && address === 0n && code.entryFrame !== null) {
      const entered = entry(stack, bp, code, code.entryFrame)
      if (entered === null) break
      if (entered === 'last') return { frames, whole: true }
      frames.push(entered.frame)
      bp = entered.fp
      continue
    }
    if (address === null || !code.isText(address)) return { frames, whole: next === 0n }
    frames.push(frame(address, 'frame pointer'))
    if (next === 0n || next === null || (next & 1n) === 1n) return { frames, whole: true }
    if (next <= bp) break
    bp = next
  }
  return { frames, whole: false }
}

/**
 * Where the kernel was entered: what it interrupted of itself (kunwind_next_regs_pc(), arch/arm64/kernel/stacktrace.c), or
 * that it came from user mode or began there, which only the registers at the top of a stack say.
 */
function entry(
  stack: Stack,
  bp: bigint,
  code: Code,
  { type, pc, fp, end }: EntryFrame,
): { frame: Frame; fp: bigint } | 'last' | null {
  const why = word(stack, bp + type)
  const top = stack.start + BigInt(stack.bytes.byteLength)
  if (why === ENTERED_LAST) return bp + end === top ? 'last' : null
  const [interrupted, pointer] = [word(stack, bp + pc), word(stack, bp + fp)]
  if (why !== INTERRUPTED || interrupted === null || !code.isText(interrupted)) return null
  if (pointer === null || pointer < bp + end) return null
  // The register of return addresses may be of a call that is over: nothing tells, and /proc does not show it either.
  return { frame: { address: interrupted, found: 'frame pointer', interrupted: true }, fp: pointer }
}

/** Every word that may be a return address. */
export function candidates(stack: Stack, saved: Saved, code: Code): Unwound {
  const frames: Frame[] = code.isText(saved.ip) ? [frame(saved.ip, 'candidate')] : []
  for (let at = saved.sp; frames.length < MOST; at += WORD) {
    const address = returnAt(stack, at, code)
    if (address === null) break
    if (code.isText(address)) frames.push(frame(address, 'candidate'))
  }
  return { frames, whole: false }
}

function returnAt(stack: Stack, at: bigint, code: Code): bigint | null {
  const address = word(stack, at)
  return address === null ? null : code.returnAddress(address)
}

function frame(address: bigint, found: Found): Frame {
  return { address, found, interrupted: false }
}
