/**
 * What a BPF program returns, for many inputs at once and without running it: inputs go through its steps together until a
 * comparison tells them apart. What is not known of the input lets them go both ways.
 */

import type { Comparison, Operand, Operation, Step, Steps } from './steps.js'

/** A number of 32 bits: of every input, or one for each. Two of one id are the same. */
export interface Known {
  readonly id: number
  readonly of: number | Uint32Array
  /** Some inputs stand for others: it may be held against a constant that was thought of, and nothing else. */
  readonly sampled: boolean
}

/** Whether an input is among some. */
export function isAmong(inputs: Uint32Array, input: number): boolean {
  return ((inputs[input >>> 5] ?? 0) & (1 << (input & 31))) !== 0
}

/** The number of an input. */
export function numberOf({ of }: Known, input: number): number {
  return typeof of === 'number' ? of : (of[input] ?? 0)
}

/** What a register holds: null is anything, and the other two lead to what the program is given and to its stack. */
type Value = Known | 'input' | 'stack' | null

/** Inputs that are at one step with the same in their registers: a bit for each. */
interface Group {
  inputs: Uint32Array
  /** By their numbers, words of the stack behind them; what is not there was never written. */
  registers: Value[]
}

/** What some inputs make a program return: null is anything. */
export interface Returned {
  /** A bit for each that does. */
  readonly inputs: Uint32Array
  readonly value: Known | null
}

/** Either what it returns, or why that is not told. */
export type Evaluated = { readonly returned: readonly Returned[]; readonly reason: null } | Untold
export interface Untold {
  readonly returned: null
  readonly reason: string
}

/** Groups at one step: more were made to exhaust memory. */
const MOST_GROUPS = 256
/** Steps by inputs that are looked at, 32 at once where they are compared to what was compared before. */
export const MOST_WORK = 1 << 26
/** Registers of either kind of program; words of the stack come after them. */
const REGISTERS = 19
/** MAX_BPF_STACK (include/linux/filter.h). */
const STACK = 512
const WORD = 2 ** 32

/** Numbers that are made of others, and comparisons that are remembered: more were made to exhaust memory. */
const MOST_MADE = 1 << 12

/** What a program is given: the number at an offset for each input; null where nobody knows it. */
export type Load = (offset: number, size: number) => { of: number | Uint32Array; sampled: boolean } | null

/** Evaluates programs that are given the same; how much of it there may be is for all of them together. */
export class Evaluator {
  readonly #inputs: number
  readonly #load: Load
  readonly #known = new Map<string, Known>()
  /** Inputs for which a comparison of two numbers holds. */
  readonly #holding = new Map<string, Uint32Array>()
  readonly #most: number
  #work = 0

  /** `most` is how much work its programs may make together. */
  constructor(inputs: number, load: Load, most = MOST_WORK) {
    this.#inputs = inputs
    this.#load = load
    this.#most = most
  }

  /** How much work its programs have made. */
  get work(): number {
    return this.#work
  }

  /** What a program returns. */
  run({ steps, input, stack, zeroed }: Steps): Evaluated {
    const registers = new Array<Value>(REGISTERS).fill(null)
    registers.fill(this.#constant(0), 0, zeroed)
    registers[input] = 'input'
    if (stack !== null) registers[stack] = 'stack'
    const waiting = new Map([[0, [{ inputs: allOf(this.#inputs), registers }]]])
    const returned: Returned[] = []
    for (let at = 0; at < steps.length; at++) {
      const groups = waiting.get(at)
      const step = steps[at]
      if (groups === undefined || step === undefined) continue
      waiting.delete(at)
      for (const group of groups) {
        this.#work += group.inputs.length
        if (this.#work > this.#most) return untold('it is too long')
        const reason = this.#step(at, step, group, waiting, returned)
        if (reason !== null) return untold(reason)
      }
    }
    return waiting.size > 0 ? untold('it goes on beyond its end') : { returned, reason: null }
  }

  #step(at: number, step: Step, group: Group, waiting: Map<number, Group[]>, returned: Returned[]): string | null {
    const { registers } = group
    const go = (to: number, inputs: Uint32Array, copy = false): string | null => {
      if (to <= at) return 'it goes back'
      return join(waiting, to, { inputs, registers: copy ? registers.slice() : registers })
    }
    switch (step.kind) {
      case 'unknown':
        return `${step.what} at ${at}`
      case 'none':
        return `half an instruction at ${at}`
      case 'goto':
        return go(step.to, group.inputs)
      case 'return': {
        const value = this.#value(registers, step.value, false)
        returned.push({ inputs: group.inputs, value: typeof value === 'string' ? null : value })
        return null
      }
      case 'load': {
        const base = registers[step.base]
        if (base === 'input') registers[step.to] = this.#given(step.offset, step.size)
        else if (base === 'stack') registers[step.to] = registers[slot(step.offset)] ?? null
        else return `a read at ${at} of what it is not given`
        return go(at + 1, group.inputs)
      }
      case 'store':
        if (registers[step.base] !== 'stack' || slot(step.offset) < REGISTERS || step.size < 4)
          return `a write at ${at}`
        registers[slot(step.offset)] = this.#value(registers, step.from, step.size === 8)
        return go(at + 1, group.inputs)
      case 'move':
        registers[step.to] = this.#value(registers, step.from, step.wide)
        return go(at + 1, group.inputs)
      case 'compute': {
        const value = this.#computed(registers, step)
        if (typeof value === 'string') return `${value} at ${at}`
        registers[step.to] = value
        return go(at + 1, group.inputs)
      }
      case 'compare': {
        const split = this.#compared(group, step)
        if (typeof split === 'string') return `${split} at ${at}`
        const { yes, no } = split
        return (yes && go(step.yes, yes, true)) ?? (no && go(step.no, no))
      }
    }
  }

  #constant(value: number): Known {
    return this.#make(`#${value}`, value, false)
  }

  /** Null where 32 bits do not hold it: a negative number in 64. */
  #value(registers: readonly Value[], operand: Operand, wide: boolean): Value {
    if ('register' in operand) return registers[operand.register] ?? null
    return wide && operand.value < 0 ? null : this.#constant(operand.value >>> 0)
  }

  #given(offset: number, size: number): Known | null {
    const key = `@${offset}:${size}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const given = this.#load(offset, size)
    return given === null ? null : this.#make(key, given.of, given.sampled)
  }

  #make(key: string, of: number | Uint32Array, sampled: boolean): Known {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const made = { id: this.#known.size, of, sampled }
    this.#known.set(key, made)
    return made
  }

  /** A text says why it is not to be told. */
  #computed(registers: readonly Value[], step: Extract<Step, { kind: 'compute' }>): Known | null | string {
    const { operation, to, by, wide } = step
    // What is taken from itself is nothing, whatever it is.
    if (operation === 'xor' && 'register' in by && by.register === to) return this.#constant(0)
    const [left, right] = [registers[to] ?? null, this.#value(registers, by, wide)]
    if (!isKnown(left) || !isKnown(right)) return null
    if (left.sampled || right.sampled) return 'a calculation with a number'
    const key = `${operation}${wide ? 'w' : ''}${left.id},${right.id}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (this.#known.size > MOST_MADE) return 'too many numbers'
    const single = typeof left.of === 'number' && typeof right.of === 'number'
    const of = new Uint32Array(single ? 1 : this.#inputs)
    for (let input = 0; input < of.length; input++) {
      const result = calculate(operation, numberOf(left, input), numberOf(right, input))
      if (result === null || (wide && (result < 0 || result >= WORD))) return null
      of[input] = result
    }
    return this.#make(key, single ? (of[0] ?? 0) : of, false)
  }

  /** Inputs for which a comparison holds, and those for which it does not: null where there are none. */
  #compared({ inputs, registers }: Group, step: Extract<Step, { kind: 'compare' }>): Split | string {
    const { comparison } = step
    const left = registers[step.left] ?? null
    const right = this.#value(registers, step.right, step.wide)
    if (!isKnown(left) || !isKnown(right)) return { yes: inputs, no: inputs }
    const isPlain = comparison === 'eq' || comparison === 'ne'
    if (left.sampled && (!isPlain || typeof right.of !== 'number')) return 'a comparison of a number'
    if (right.sampled && (!isPlain || typeof left.of !== 'number')) return 'a comparison of a number'
    const holding = this.#holds(comparison, left, right)
    const yes = inputs.map((word, place) => word & (holding[place] ?? 0))
    const no = inputs.map((word, place) => word & ~(holding[place] ?? 0))
    return { yes: isEmpty(yes) ? null : yes, no: isEmpty(no) ? null : no }
  }

  #holds(comparison: Comparison, left: Known, right: Known): Uint32Array {
    const key = `${comparison}${left.id},${right.id}`
    const known = this.#holding.get(key)
    if (known !== undefined) return known
    this.#work += this.#inputs
    const inputs = new Uint32Array((this.#inputs + 31) >>> 5)
    for (let input = 0; input < this.#inputs; input++) {
      if (holds(comparison, numberOf(left, input), numberOf(right, input)))
        inputs[input >>> 5] = (inputs[input >>> 5] ?? 0) | (1 << (input & 31))
    }
    if (this.#holding.size < MOST_MADE) this.#holding.set(key, inputs)
    return inputs
  }
}

interface Split {
  readonly yes: Uint32Array | null
  readonly no: Uint32Array | null
}

function isEmpty(inputs: Uint32Array): boolean {
  return inputs.every((word) => word === 0)
}

function allOf(count: number): Uint32Array {
  const inputs = new Uint32Array((count + 31) >>> 5).fill(0xffff_ffff)
  if ((count & 31) !== 0) inputs[inputs.length - 1] = (1 << (count & 31)) - 1
  return inputs
}

function isKnown(value: Value): value is Known {
  return value !== null && typeof value !== 'string'
}

function untold(reason: string): Untold {
  return { returned: null, reason }
}

/** Where a word of the stack is, which lies below the frame; nowhere, if it does not. */
function slot(offset: number): number {
  return offset < 0 && offset >= -STACK ? REGISTERS - 1 - offset : -1
}

/** Puts a group where it goes on, with another there that has the same in its registers. */
function join(waiting: Map<number, Group[]>, at: number, group: Group): string | null {
  const there = waiting.get(at)
  if (there === undefined) {
    waiting.set(at, [group])
    return null
  }
  const same = there.find(({ registers }) => areSame(registers, group.registers))
  if (same !== undefined) {
    // Others may have the same list of inputs: where nothing told them apart.
    same.inputs = same.inputs.map((input, place) => input | (group.inputs[place] ?? 0))
    return null
  }
  if (there.length >= MOST_GROUPS) return 'it has too many ways'
  there.push(group)
  return null
}

function areSame(left: readonly Value[], right: readonly Value[]): boolean {
  const length = Math.max(left.length, right.length)
  for (let register = 0; register < length; register++) {
    if ((left[register] ?? null) !== (right[register] ?? null)) return false
  }
  return true
}

/** Null where it is undefined, or more than a number holds. */
function calculate(operation: Operation, left: number, right: number): number | null {
  switch (operation) {
    case 'add':
      return left + right
    case 'sub':
      return left - right
    case 'mul':
      return left * right <= Number.MAX_SAFE_INTEGER ? left * right : null
    case 'div':
      return right === 0 ? null : Math.floor(left / right)
    case 'mod':
      return right === 0 ? null : left % right
    case 'or':
      return (left | right) >>> 0
    case 'and':
      return (left & right) >>> 0
    case 'xor':
      return (left ^ right) >>> 0
    case 'lsh':
      return right > 31 ? null : left * 2 ** right
    case 'rsh':
      return right > 31 ? null : left >>> right
    case 'neg':
      return -left
  }
}

function holds(comparison: Comparison, left: number, right: number): boolean {
  switch (comparison) {
    case 'eq':
      return left === right
    case 'ne':
      return left !== right
    case 'gt':
      return left > right
    case 'ge':
      return left >= right
    case 'lt':
      return left < right
    case 'le':
      return left <= right
    case 'set':
      return (left & right) !== 0
  }
}
