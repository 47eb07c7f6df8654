/** Which rules of a profile count, and calls that depend on their arguments: a filter is tried with what tells them apart. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { treatedOtherwise } from '../../src/containers/drift/seccomp-arguments.js'
import { readSeccompProfile, type SeccompProfile, verdictWith } from '../../src/containers/seccomp-profile.js'
import { classicSteps } from '../../src/kernel/bpf/steps.js'
import { type SeccompTrial, seccompTrial } from '../../src/kernel/seccomp.js'

function profileOf(...syscalls: object[]): SeccompProfile {
  const profile = readSeccompProfile({ defaultAction: 'SCMP_ACT_ERRNO', syscalls })
  if (profile === null) throw new Error('no profile')
  return profile
}

const allow = (names: string[], ...args: object[]) => ({ names, action: 'SCMP_ACT_ALLOW', args })
const refuse = (names: string[], ...args: object[]) => ({ names, action: 'SCMP_ACT_ERRNO', args })
const equals = (value: number, index = 0) => ({ index, value, op: 'SCMP_CMP_EQ' })
/** CLONE_NEW… of which clone() may have none: as Docker's profile has it. */
const NAMESPACES = 0x7e020000
const clone = allow(['clone'], { index: 0, value: NAMESPACES, op: 'SCMP_CMP_MASKED_EQ' })

describe('of the rules of a profile', () => {
  test('the first one counts that is about all of a call', () => {
    expect(profileOf(allow(['setns']), refuse(['setns'])).calls.get('setns')).toBe('allowed')
    expect(profileOf(refuse(['setns']), allow(['setns'])).calls.get('setns')).toBe('denied')
    expect(profileOf(refuse(['setns']), allow(['setns']), refuse(['setns'])).calls.get('setns')).toBe('denied')
  })

  test('one about all of a call counts before those with conditions, in either order', () => {
    for (const rules of [
      [allow(['clone']), clone],
      [clone, allow(['clone'])],
    ]) {
      const profile = profileOf(...rules)
      expect(profile.calls.get('clone')).toBe('allowed')
      expect([...profile.conditions]).toEqual([])
    }
  })

  test('one with conditions makes a call conditional, unless it does what is done anyway', () => {
    expect(profileOf(clone).calls.get('clone')).toBe('conditional')
    expect(profileOf(refuse(['clone'], equals(1))).calls.get('clone')).toBe('denied')
  })

  test('all conditions of one hold, and one that names an argument twice is a rule for each', () => {
    const both = profileOf(allow(['socket'], equals(2, 0), equals(3, 1)))
    const verdict = ({ conditions }: SeccompProfile, ...args: bigint[]) =>
      verdictWith(conditions.get('socket') ?? [], 'denied', args)
    expect(verdict(both, 2n, 3n)).toBe('allowed')
    expect(verdict(both, 2n, 4n)).toBe('denied')
    const either = profileOf(allow(['socket'], equals(2, 0), equals(5, 0)))
    expect([2n, 5n, 6n].map((family) => verdict(either, family))).toEqual(['allowed', 'allowed', 'denied'])
  })

  test('where two that differ hold nobody knows which counts', () => {
    const { conditions } = profileOf(
      { names: ['x'], action: 'SCMP_ACT_LOG', args: [equals(1)] },
      refuse(['x'], equals(1)),
    )
    expect(verdictWith(conditions.get('x') ?? [], 'denied', [1n])).toBeNull()
    expect(verdictWith(conditions.get('x') ?? [], 'denied', [2n])).toBe('denied')
  })

  test.each([
    ['an operation that nobody knows', { index: 0, value: 1, op: 'SCMP_CMP_MAYBE' }],
    ['an argument that no call has', { index: 6, value: 1, op: 'SCMP_CMP_EQ' }],
    ['a number that was not kept whole', { index: 0, value: 2 ** 64, op: 'SCMP_CMP_EQ' }],
    ['none at all', null],
    ['a name of what every object has', { index: 0, value: 1, op: 'constructor' }],
  ])('one with %s is not understood', (_, arg) => {
    const profile = profileOf(allow(['clone'], arg as object), clone)
    expect(profile.calls.get('clone')).toBe('conditional')
    expect(profile.conditions.has('clone')).toBe(false)
  })
})

/** Instructions of a classic program: code, where true, where false, number. */
type Instruction = readonly [code: number, jt: number, jf: number, k: number]
const [LOAD, AND, EQUAL, RETURN] = [0x20, 0x54, 0x15, 0x06]
const [ALLOW, ERRNO] = [0x7fff0000, 0x00050001]
const NUMBERS = new Map([
  ['clone', 56],
  ['socket', 41],
])

function trialOf(...programs: (readonly Instruction[])[]): SeccompTrial {
  const steps = programs.map((program) => {
    const bytes = Buffer.alloc(program.length * 8)
    program.forEach(([code, jt, jf, k], at) => {
      bytes.writeUInt16LE(code, at * 8)
      bytes.writeUInt8(jt, at * 8 + 2)
      bytes.writeUInt8(jf, at * 8 + 3)
      bytes.writeUInt32LE(k >>> 0, at * 8 + 4)
    })
    return classicSteps(bytes)
  })
  const trial = seccompTrial('x86_64', NUMBERS, steps)
  if (trial === null) throw new Error('no trial')
  return trial
}

/** As libseccomp writes it: both halves of the argument, under a mask. */
const masked = (mask: number): Instruction[] => [
  [LOAD, 0, 0, 0],
  [EQUAL, 0, 6, 56],
  [LOAD, 0, 0, 20],
  [AND, 0, 0, 0],
  [EQUAL, 0, 3, 0],
  [LOAD, 0, 0, 16],
  [AND, 0, 0, mask],
  [EQUAL, 1, 0, 0],
  [RETURN, 0, 0, ERRNO],
  [RETURN, 0, 0, ALLOW],
]
// What is no clone() goes to the last but one.
const cloneFilter = (mask: number) => masked(mask).map((one, at) => (at === 1 ? ([EQUAL, 0, 6, 56] as const) : one))

describe('a filter that holds arguments against', () => {
  test('what was declared treats no call otherwise', () => {
    expect(treatedOtherwise(profileOf(clone), trialOf(cloneFilter(NAMESPACES)))).toEqual([])
  })

  test('a smaller mask lets through what was forbidden', () => {
    const [found, ...others] = treatedOtherwise(profileOf(clone), trialOf(cloneFilter(0x7e000000)))
    expect(others).toEqual([])
    expect(found).toMatchObject({ name: 'clone', declared: 'denied', actual: 'allowed' })
    // CLONE_NEWNS is what the mask no longer has.
    expect((found?.args[0] ?? 0n) & BigInt(NAMESPACES)).toBe(0x20000n)
  })

  test('a larger one forbids what was allowed', () => {
    const otherwise = treatedOtherwise(profileOf(clone), trialOf(cloneFilter(NAMESPACES + 1)))
    expect(otherwise).toMatchObject([{ declared: 'allowed', actual: 'denied' }])
  })

  test('half of what was declared lets through a number that differs in the other', () => {
    const lower = [...cloneFilter(0xffffffff)]
    const whole = profileOf(allow(['clone'], equals(0)))
    expect(treatedOtherwise(whole, trialOf(lower))).toMatchObject([
      { declared: 'denied', actual: 'allowed', args: expect.arrayContaining([0x1_0000_0000n]) },
    ])
  })

  test('another argument than was declared is found by what the filter compares', () => {
    const socket: Instruction[] = [
      [LOAD, 0, 0, 0],
      [EQUAL, 0, 2, 41],
      [LOAD, 0, 0, 24],
      [EQUAL, 0, 1, 3],
      [RETURN, 0, 0, ERRNO],
      [RETURN, 0, 0, ALLOW],
    ]
    const notVsock = { index: 0, value: 40, op: 'SCMP_CMP_NE' }
    const found = treatedOtherwise(profileOf(allow(['socket'], notVsock)), trialOf(socket))
    expect(found).toContainEqual(expect.objectContaining({ declared: 'denied', actual: 'allowed' }))
    expect(found).toContainEqual(expect.objectContaining({ declared: 'allowed', actual: 'denied' }))
  })

  test('of several filters all count', () => {
    const both = trialOf(cloneFilter(0x7e000000), cloneFilter(NAMESPACES))
    expect(treatedOtherwise(profileOf(clone), both)).toEqual([])
  })

  test('what cannot be told is no difference', () => {
    expect(treatedOtherwise(profileOf(clone), trialOf([[0xff, 0, 0, 0]]))).toEqual([])
    expect(treatedOtherwise(profileOf(allow(['nobody_knows'], equals(1))), trialOf(cloneFilter(1)))).toEqual([])
  })

  test('the trial of a call is what running the filter gives', () => {
    const trial = trialOf(cloneFilter(NAMESPACES))
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }), (flags) => {
        const expected = (flags & BigInt(NAMESPACES)) === 0n ? 'allowed' : 'denied'
        expect(trial.verdicts('clone', [[flags]])).toEqual([expected])
      }),
    )
  })

  test('a profile and a program of any kind end', () => {
    const anything = fc.record({ index: fc.integer(), value: fc.oneof(fc.integer(), fc.double()), op: fc.string() })
    fc.assert(
      fc.property(fc.array(anything), fc.uint8Array({ maxLength: 200 }), (args, bytes) => {
        const trial = seccompTrial('x86_64', NUMBERS, [classicSteps(bytes)])
        if (trial !== null) treatedOtherwise(profileOf(allow(['clone'], ...args), clone), trial)
      }),
      { numRuns: 50 },
    )
  })
})
