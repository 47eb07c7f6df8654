/** Rules for devices, and programs that decide about them, come to the same where they say the same. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { deviceProgram } from '../../src/kernel/bpf/device-program.js'
import { DeviceAccess, type DeviceRule, declaredAccess, listedAccess } from '../../src/kernel/device-access.js'

const [R1, R2, R3, R4, R5] = [1, 2, 3, 4, 5]

/** An instruction as the kernel has it. */
function bpf(code: number, to: number, source: number, offset: number, immediate: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt8(code, 0)
  bytes.writeUInt8((source << 4) | to, 1)
  bytes.writeInt16LE(offset, 2)
  bytes.writeInt32LE(immediate, 4)
  return bytes
}

const BEGINNING = [
  bpf(0x61, R2, R1, 0, 0),
  bpf(0x54, R2, 0, 0, 0xffff),
  bpf(0x61, R3, R1, 0, 0),
  bpf(0x74, R3, 0, 0, 16),
  bpf(0x61, R4, R1, 4, 0),
  bpf(0x61, R5, R1, 8, 0),
]
const returns = (value: number) => [bpf(0xb4, 0, 0, 0, value), bpf(0x95, 0, 0, 0, 0)]

/** One block for each rule, the last rule first, as runtimes make them (cgroup/devices/ebpf in opencontainers/cgroups). */
function programOf(rules: readonly DeviceRule[]): Uint8Array {
  const blocks = [...rules].reverse().map(({ allow, types, major, minor, bits }) => {
    const [type] = types
    const tests = [
      ...(types.length === 1 ? [(skip: number) => [bpf(0x55, R2, 0, skip, type ?? 0)]] : []),
      ...(bits === 7
        ? []
        : [(skip: number) => [bpf(0xbc, R1, R3, 0, 0), bpf(0x54, R1, 0, 0, bits), bpf(0x5d, R1, R3, skip, 0)]]),
      ...(major === null ? [] : [(skip: number) => [bpf(0x55, R4, 0, skip, major)]]),
      ...(minor === null ? [] : [(skip: number) => [bpf(0x55, R5, 0, skip, minor)]]),
    ]
    const end = returns(allow ? 1 : 0)
    return tests.reduceRight((after, test) => test(after.length).concat(after), end)
  })
  return Buffer.concat([...BEGINNING, ...blocks.flat(), ...returns(0)])
}

const number = fc.option(fc.integer({ min: 0, max: 6 }))
const rule: fc.Arbitrary<DeviceRule> = fc.record({
  allow: fc.boolean(),
  types: fc.constantFrom([1], [2], [1, 2]) as fc.Arbitrary<readonly (1 | 2)[]>,
  major: number,
  minor: number,
  bits: fc.constant(7),
})

test('a program made of rules allows what the rules do', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 8 }), (rules) => {
      const found = deviceProgram(programOf(rules))
      expect(found).toBeInstanceOf(DeviceAccess)
      if (found instanceof DeviceAccess) expect(found.rules()).toEqual(declaredAccess(rules).rules())
    }),
  )
})

test('of a program with ways of access each is told, alone and with others', () => {
  const readable: DeviceRule = { allow: true, types: [1], major: 8, minor: null, bits: 2 }
  const found = deviceProgram(programOf([readable]))
  expect(found instanceof DeviceAccess && found.rules()).toEqual(['b 8:* r'])
})

test.each<[string, Buffer[], string]>([
  ['a call', [bpf(0x85, 0, 0, 0, 5)], 'a call at 6'],
  ['a calculation with a number', [bpf(0x54, R4, 0, 0, 0xf0)], 'a calculation with a number at 6'],
  ['a comparison with less', [bpf(0xa5, R4, 0, 0, 9)], 'a comparison of a number at 6'],
  ['a way back', [bpf(0x05, 0, 0, -3, 0)], 'it goes back'],
  ['a read of something else', [bpf(0x61, R2, R3, 0, 0)], 'a read at 6 of what it is not given'],
])('%s is not told', (_, instructions, reason) => {
  const code = Buffer.concat([...BEGINNING, ...instructions, ...returns(1)])
  expect(deviceProgram(code)).toEqual({ reason })
})

test('any bytes are a program that is told, or not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const found = deviceProgram(bytes)
      expect(found instanceof DeviceAccess || found.reason.length > 0).toBe(true)
    }),
  )
})

test('a list of exceptions that allow, and one of exceptions that forbid', () => {
  const disk: DeviceRule = { allow: true, types: [1], major: 8, minor: 1, bits: 6 }
  expect(listedAccess(false, [disk]).rules()).toEqual(['b 8:1 rw'])
  expect(listedAccess(true, [disk]).rules()).toEqual(['b *:* rwm', 'b 8:1 m', 'c *:* rwm'])
  expect(listedAccess(true, []).rules()).toEqual(['a *:* rwm'])
})

test('what one allows and another does not', () => {
  const [all, some]: DeviceRule[] = [
    { allow: true, types: [1, 2], major: null, minor: null, bits: 7 },
    { allow: true, types: [2], major: 1, minor: 3, bits: 7 },
  ] as DeviceRule[]
  const [every, one] = [declaredAccess([all as DeviceRule]), declaredAccess([some as DeviceRule])]
  expect(one.without(every).rules()).toEqual([])
  expect(every.without(one).rules()).toEqual(['b *:* rwm', 'c *:* rwm', 'c 1:3 none'])
  expect(every.and(one).rules()).toEqual(['c 1:3 rwm'])
})
