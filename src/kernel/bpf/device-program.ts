/** What a BPF program of the type `cgroup_device` lets a cgroup do with devices (kernel/bpf/cgroup.c). */

import { DEVICE_TYPES, DeviceAccess, MASKS, type Untold } from '../device-access.js'
import { Evaluator, isAmong, type Known, numberOf } from './evaluate.js'
import { extendedSteps, type Step } from './steps.js'

/** Numbers of devices that a program may name: each is tried with each. */
const MOST_NUMBERS = 64
/** Numbers that stand for all that a program does not name: majors have 12 bits, and minors 20 (include/linux/kdev_t.h). */
const OTHERS = [0xffe, 0xffd, 0xffc]

/** What a program allows; why that is not told, where it is none of those that runtimes make. */
export function deviceProgram(code: Uint8Array): DeviceAccess | Untold {
  const program = extendedSteps(code)
  const named = [...new Set(program.steps.flatMap(constants))].filter((value) => value >= 0)
  if (named.length > MOST_NUMBERS) return { reason: 'it names too many numbers' }
  const other = OTHERS.find((number) => !named.includes(number))
  if (other === undefined) return { reason: 'it names numbers that stand for others' }
  const numbers = [...named, other]
  const inputs = DEVICE_TYPES.length * numbers.length ** 2 * MASKS.length
  const [kinds, majors, minors] = [new Uint32Array(inputs), new Uint32Array(inputs), new Uint32Array(inputs)]
  let input = 0
  for (const type of DEVICE_TYPES) {
    for (const major of numbers) {
      for (const minor of numbers) {
        for (const mask of MASKS) {
          kinds[input] = mask * 0x10000 + type
          majors[input] = major
          minors[input++] = minor
        }
      }
    }
  }
  const evaluated = new Evaluator(inputs, (offset, size) => given(offset, size, kinds, majors, minors)).run(program)
  if (evaluated.returned === null) return { reason: evaluated.reason }
  const allowed = new Uint8Array(inputs)
  for (const { inputs: some, value } of evaluated.returned) {
    if (value === null) return { reason: 'what it returns depends on what is not known' }
    for (let each = 0; each < inputs; each++) if (isAmong(some, each)) allowed[each] = returns(value, each) ? 1 : 0
  }
  const places = new Map(numbers.map((number, place) => [number, place]))
  const placeOf = (number: number) => places.get(number) ?? numbers.length - 1
  return new DeviceAccess(named, named, (type, major, minor) => {
    const row = (DEVICE_TYPES.indexOf(type) * numbers.length + placeOf(major)) * numbers.length + placeOf(minor)
    return MASKS.filter((_, place) => allowed[row * MASKS.length + place] === 1)
  })
}

function returns(value: Known, input: number): boolean {
  return (numberOf(value, input) & 1) === 1
}

/** `struct bpf_cgroup_dev_ctx`: the kind of access above the type of device, and the device's numbers. */
function given(offset: number, size: number, kinds: Uint32Array, majors: Uint32Array, minors: Uint32Array) {
  if (size === 4 && offset === 4) return { of: majors, sampled: true }
  if (size === 4 && offset === 8) return { of: minors, sampled: true }
  if (offset < 0 || offset + size > 4) return null
  const most = 2 ** (8 * size)
  return { of: kinds.map((kind) => (kind >>> (8 * offset)) % most), sampled: false }
}

function constants(step: Step): number[] {
  const operand = step.kind === 'compare' ? step.right : step.kind === 'move' ? step.from : null
  return operand !== null && 'value' in operand ? [operand.value] : []
}
