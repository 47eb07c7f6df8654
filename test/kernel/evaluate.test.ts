/** What programs return is told as running them would. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Evaluator, isAmong, numberOf } from '../../src/kernel/bpf/evaluate.js'
import { classicSteps } from '../../src/kernel/bpf/steps.js'

/** Numbers of calls, of one architecture. */
const CALLS = Uint32Array.from([0, 1, 2, 3, 7, 8, 100, 0x4000_0001])
const ARCHITECTURE = 0xc000_003e

interface Instruction {
  code: number
  jt: number
  jf: number
  k: number
}

function assembled(program: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(program.length * 8)
  for (const [at, { code, jt, jf, k }] of program.entries()) {
    bytes.writeUInt16LE(code, at * 8)
    bytes.writeUInt8(jt, at * 8 + 2)
    bytes.writeUInt8(jf, at * 8 + 3)
    bytes.writeUInt32LE(k, at * 8 + 4)
  }
  return bytes
}

const [LOAD, AND, ADD, RIGHT, RETURN, RETURN_A, TAX, TXA, STORE, MEMORY] = [
  0x20, 0x54, 0x04, 0x74, 0x06, 0x16, 0x07, 0x87, 0x02, 0x60,
]
const JUMPS = { 21: 'eq', 37: 'gt', 53: 'ge', 69: 'set' } as const

interface Machine {
  a: number
  x: number
  memory: number[]
}

const EFFECTS: Readonly<Record<number, (machine: Machine, k: number) => void>> = {
  [AND]: (machine, k) => {
    machine.a = (machine.a & k) >>> 0
  },
  [ADD]: (machine, k) => {
    machine.a = (machine.a + k) >>> 0
  },
  [RIGHT]: (machine, k) => {
    machine.a >>>= k
  },
  [TAX]: (machine) => {
    machine.x = machine.a
  },
  [TXA]: (machine) => {
    machine.a = machine.x
  },
  [STORE]: ({ memory, a }, k) => {
    memory[k] = a
  },
  [MEMORY]: (machine, k) => {
    machine.a = machine.memory[k] ?? 0
  },
}

/** Runs a program, of which jumps lead to its end at most, for one call. */
function run(program: readonly Instruction[], call: number, argument: number): number {
  const machine: Machine = { a: 0, x: 0, memory: [] }
  const given = new Map([
    [0, call],
    [4, ARCHITECTURE],
  ])
  for (let at = 0; at < program.length; at++) {
    const { code, jt, jf, k } = program[at] as Instruction
    const { a } = machine
    if (code === RETURN) return k
    if (code === RETURN_A) return a
    if (code === LOAD) machine.a = given.get(k) ?? argument
    else if (code in JUMPS) {
      const holds = { eq: a === k, gt: a > k, ge: a >= k, set: (a & k) !== 0 }[JUMPS[code as keyof typeof JUMPS]]
      at += holds ? jt : jf
    } else EFFECTS[code]?.(machine, k)
  }
  throw new Error('it has no end')
}

const small = fc.constantFrom(0, 1, 2, 3, 7, 8, 100, 0x4000_0000, 0xc000_003e)
const plain = (code: number, k: fc.Arbitrary<number>) =>
  fc.record({ code: fc.constant(code), jt: fc.constant(0), jf: fc.constant(0), k })
const jump = fc.record({
  code: fc.constantFrom(0x15, 0x25, 0x35, 0x45),
  jt: fc.integer({ min: 0, max: 4 }),
  jf: fc.integer({ min: 0, max: 4 }),
  k: small,
})
const instruction = fc.oneof(
  plain(LOAD, fc.constantFrom(0, 4, 16)),
  plain(AND, small),
  plain(ADD, small),
  plain(RIGHT, fc.integer({ min: 0, max: 31 })),
  plain(TAX, fc.constant(0)),
  plain(TXA, fc.constant(0)),
  plain(STORE, fc.integer({ min: 0, max: 15 })),
  plain(MEMORY, fc.integer({ min: 0, max: 15 })),
  plain(RETURN, small),
  plain(RETURN_A, fc.constant(0)),
  jump,
  jump,
)
/** Jumps lead to the returns at the end. */
const ENDINGS = Array.from({ length: 5 }, (_, k) => ({ code: RETURN, jt: 0, jf: 0, k }))
const program = fc.array(instruction, { maxLength: 24 }).map((body) => [...body, ...ENDINGS])

const evaluator = () =>
  new Evaluator(CALLS.length, (offset, size) =>
    size !== 4 || offset > 4 ? null : { of: offset === 0 ? CALLS : ARCHITECTURE, sampled: false },
  )

test('whatever its arguments are, what a call gets is among what is told of it', () => {
  fc.assert(
    fc.property(program, fc.integer({ min: 0, max: 0xffff_ffff }), (instructions, argument) => {
      const { returned } = evaluator().run(classicSteps(assembled(instructions)))
      if (returned === null) throw new Error('it is not told')
      for (const [place, call] of CALLS.entries()) {
        const told = returned.filter(({ inputs }) => isAmong(inputs, place)).map(({ value }) => value)
        const got = run(instructions, call, argument)
        expect(told.some((value) => value === null || numberOf(value, place) === got)).toBe(true)
        // Where no argument is read there is but one way.
        if (!instructions.some(({ code, k }) => code === LOAD && k === 16)) expect(told).toHaveLength(1)
      }
    }),
    { numRuns: 500 },
  )
})

test('any bytes are a program that is told, or not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const { returned, reason } = evaluator().run(classicSteps(bytes))
      expect(returned === null).toBe(reason !== null)
    }),
  )
})
