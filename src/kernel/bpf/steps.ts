/**
 * What BPF programs do, in steps that are the same for classic and extended ones: as much as filters of system calls and of
 * devices need.
 */

/** Where a value comes from: a register, or the step itself. */
export type Operand = { readonly register: number } | { readonly value: number }

export type Operation = (typeof OPERATIONS)[number]
export type Comparison = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le' | 'set'

/** Numbers of steps are places in their list. */
export type Step =
  /** From what the program is given, or from its stack, as the register leads to. */
  | { kind: 'load'; to: number; base: number; offset: number; size: number }
  | { kind: 'store'; base: number; offset: number; size: number; from: Operand }
  | { kind: 'move'; to: number; from: Operand; wide: boolean }
  | { kind: 'compute'; operation: Operation; to: number; by: Operand; wide: boolean }
  | { kind: 'compare'; comparison: Comparison; left: number; right: Operand; wide: boolean; yes: number; no: number }
  | { kind: 'goto'; to: number }
  | { kind: 'return'; value: Operand }
  /** The second half of a step that is two instructions long; nothing leads here. */
  | { kind: 'none' }
  /** What only a kernel can tell: what it calls, or reads of the kernel's memory. */
  | { kind: 'unknown'; what: string }

export interface Steps {
  readonly steps: readonly Step[]
  /** The register that leads to what it is given. */
  readonly input: number
  /** The register that leads to its stack. */
  readonly stack: number | null
  /** How many registers, from the first on, hold 0 where it begins. */
  readonly zeroed: number
}

/** Classic programs have the accumulator, the index and 16 words of memory; what they are given has a register too. */
const ACCUMULATOR = 0
const INDEX = 1
const MEMORY = 2
const CLASSIC_INPUT = 18
/** Of an extended program: what it is given, and its frame. */
const EXTENDED_INPUT = 1
const FRAME = 10

const INSTRUCTION = 8
/** BPF_ALU's operations by the high half of the code (include/uapi/linux/bpf_common.h). */
const OPERATIONS = ['add', 'sub', 'mul', 'div', 'or', 'and', 'lsh', 'rsh', 'neg', 'mod', 'xor'] as const
/** BPF_JMP's comparisons by the high half of the code; from 0x0a on extended ones (include/uapi/linux/bpf.h). */
const COMPARISONS: Readonly<Record<number, Comparison>> = {
  1: 'eq',
  2: 'gt',
  3: 'ge',
  4: 'set',
  5: 'ne',
  10: 'lt',
  11: 'le',
}
/** BPF_SIZE. */
const SIZES = [4, 2, 1, 8]
const REGISTER = 0x08
/** What seccomp gives programs is so long: what a load of its length gives (struct seccomp_data). */
const GIVEN = 64

const unknown = (code: number): Step => ({ kind: 'unknown', what: `instruction 0x${code.toString(16)}` })

/** A classic program, as a process handed it to the kernel (struct sock_filter). */
export function classicSteps(code: Uint8Array): Steps {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength)
  const steps = Array.from({ length: Math.floor(code.byteLength / INSTRUCTION) }, (_, at) => classicStep(view, at))
  return { steps, input: CLASSIC_INPUT, stack: null, zeroed: CLASSIC_INPUT }
}

function classicStep(view: DataView, at: number): Step {
  const code = view.getUint16(at * INSTRUCTION, true)
  const [jt, jf] = [view.getUint8(at * INSTRUCTION + 2), view.getUint8(at * INSTRUCTION + 3)]
  const k = view.getUint32(at * INSTRUCTION + 4, true)
  const operand: Operand = (code & REGISTER) !== 0 ? { register: INDEX } : { value: k }
  const high = code >> 4
  switch (code & 7) {
    case 0:
    case 1:
      return classicLoad(code, k)
    case 2:
    case 3:
      if (k >= CLASSIC_INPUT - MEMORY) return unknown(code)
      return {
        kind: 'move',
        to: MEMORY + k,
        from: { register: (code & 7) === 2 ? ACCUMULATOR : INDEX },
        wide: false,
      }
    case 4: {
      const operation = OPERATIONS[high]
      return operation === undefined
        ? unknown(code)
        : { kind: 'compute', operation, to: ACCUMULATOR, by: operand, wide: false }
    }
    case 5: {
      const next = at + 1
      if (high === 0) return { kind: 'goto', to: next + k }
      const comparison = high <= 4 ? COMPARISONS[high] : undefined
      if (comparison === undefined) return unknown(code)
      const [yes, no] = [next + jt, next + jf]
      return { kind: 'compare', comparison, left: ACCUMULATOR, right: operand, wide: false, yes, no }
    }
    case 6:
      return { kind: 'return', value: (code & 0x18) === 0x10 ? { register: ACCUMULATOR } : { value: k } }
    default: {
      const [to, from] = (code & 0xf8) === 0x80 ? [ACCUMULATOR, INDEX] : [INDEX, ACCUMULATOR]
      return { kind: 'move', to, from: { register: from }, wide: false }
    }
  }
}

/** BPF_MODE: a constant, from what is given, a word of memory, the length of what is given. */
function classicLoad(code: number, k: number): Step {
  const to = (code & 7) === 0 ? ACCUMULATOR : INDEX
  switch (code & 0xe0) {
    case 0x00:
      return { kind: 'move', to, from: { value: k }, wide: false }
    case 0x20:
      return { kind: 'load', to, base: CLASSIC_INPUT, offset: k, size: SIZES[(code >> 3) & 3] ?? 4 }
    case 0x60:
      return k < CLASSIC_INPUT - MEMORY
        ? { kind: 'move', to, from: { register: MEMORY + k }, wide: false }
        : unknown(code)
    case 0x80:
      return { kind: 'move', to, from: { value: GIVEN }, wide: false }
    default:
      return unknown(code)
  }
}

/** An extended program, as the kernel has it translated (struct bpf_insn). */
export function extendedSteps(code: Uint8Array): Steps {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength)
  const steps: Step[] = []
  const length = Math.floor(code.byteLength / INSTRUCTION)
  for (let at = 0; at < length; at++) {
    // A constant of 64 bits is two instructions long; of addresses, which most are, the source register tells.
    if (view.getUint8(at * INSTRUCTION) === 0x18) {
      steps.push({ kind: 'unknown', what: 'a constant of 64 bits' }, { kind: 'none' })
      at++
    } else steps.push(extendedStep(view, at))
  }
  return { steps: steps.slice(0, length), input: EXTENDED_INPUT, stack: FRAME, zeroed: 0 }
}

interface Fields {
  code: number
  to: number
  source: number
  offset: number
  immediate: number
}

function extendedStep(view: DataView, at: number): Step {
  const code = view.getUint8(at * INSTRUCTION)
  const registers = view.getUint8(at * INSTRUCTION + 1)
  const fields: Fields = {
    code,
    to: registers & 0xf,
    source: registers >> 4,
    offset: view.getInt16(at * INSTRUCTION + 2, true),
    immediate: view.getInt32(at * INSTRUCTION + 4, true),
  }
  const operand: Operand = (code & REGISTER) !== 0 ? { register: fields.source } : { value: fields.immediate }
  switch (code & 7) {
    case 1:
    case 2:
    case 3:
      return extendedMemory(fields)
    case 4:
    case 7:
      return extendedArithmetic(fields, operand)
    case 5:
    case 6:
      return extendedJump(fields, operand, at + 1)
    default:
      return unknown(code)
  }
}

function extendedMemory({ code, to, source, offset, immediate }: Fields): Step {
  const size = SIZES[(code >> 3) & 3] ?? 4
  if ((code & 0xe0) !== 0x60) return unknown(code)
  if ((code & 7) === 1) return { kind: 'load', to, base: source, offset, size }
  const from: Operand = (code & 7) === 3 ? { register: source } : { value: immediate }
  return { kind: 'store', base: to, offset, size, from }
}

function extendedArithmetic({ code, to, offset }: Fields, operand: Operand): Step {
  const wide = (code & 7) === 7
  // An offset makes a move or a division signed.
  if (offset !== 0) return unknown(code)
  if (code >> 4 === 0xb) return { kind: 'move', to, from: operand, wide }
  const operation = OPERATIONS[code >> 4]
  return operation === undefined ? unknown(code) : { kind: 'compute', operation, to, by: operand, wide }
}

function extendedJump({ code, to, offset, immediate }: Fields, right: Operand, next: number): Step {
  const [wide, high] = [(code & 7) === 5, code >> 4]
  if (high === 0) return { kind: 'goto', to: next + (wide ? offset : immediate) }
  if (wide && high === 8) return { kind: 'unknown', what: 'a call' }
  if (wide && high === 9) return { kind: 'return', value: { register: 0 } }
  const comparison = COMPARISONS[high]
  if (comparison === undefined) return unknown(code)
  return { kind: 'compare', comparison, left: to, right, wide, yes: next + offset, no: next }
}
