/** Translated instructions of programs, with what they call and which maps they name. */

import { constantNames } from '../constants.js'
import type { Kernel } from '../kernel.js'
import { bytes } from '../query.js'
import { disassemble, type Instruction } from './disassembly.js'
import { readMaps } from './maps.js'
import { type Program, readPrograms } from './programs.js'

/** BPF_COMPLEXITY_LIMIT_INSNS (include/linux/bpf.h) in bytes: what one program may have. */
const MOST_BYTES = 1_000_000 * 8
/** Instructions of all programs that are read. */
const MOST_INSTRUCTIONS = 4 << 20
/** Numbers of helpers that are named; there are some 210 in 7.1. */
const HELPERS = 512

/** An instruction of a program. */
export interface ProgramInstruction extends Instruction {
  program: Readonly<Program>
  /** The kernel's function that it calls. */
  helper: string | null
  /** Id of the map whose address, or that of a value in it, it loads. */
  map_id: number | null
}

/** Instructions of every program, in the programs' order; read once per image. */
export function readInstructions(kernel: Kernel): readonly Readonly<ProgramInstruction>[] {
  return kernel.once(readEveryInstruction)
}

/** Names of the kernel's functions that each program calls, by the program's address. */
export function readHelpers(kernel: Kernel): ReadonlyMap<bigint, readonly string[]> {
  return kernel.once(readEveryHelper)
}

function readEveryHelper(kernel: Kernel): Map<bigint, string[]> {
  const helpers = new Map<bigint, Set<string>>(readPrograms(kernel).map(({ address }) => [address, new Set()]))
  for (const { program, helper } of readInstructions(kernel)) {
    if (helper !== null) helpers.get(program.address)?.add(helper)
  }
  return new Map([...helpers].map(([address, names]) => [address, [...names].sort()]))
}

function readEveryInstruction(kernel: Kernel): ProgramInstruction[] {
  const programs = readPrograms(kernel)
  const batch = kernel
    .at(
      programs.map(({ address }) => address),
      'struct bpf_prog',
    )
    .select({ code: bytes('insnsi', { length: 'len << 3', max: MOST_BYTES }) })
  const found: Omit<ProgramInstruction, 'helper' | 'map_id'>[] = []
  programs.forEach((program, row) => {
    const code = batch.column('code').bytes(row)
    for (const instruction of code === null ? [] : disassemble(code)) found.push({ ...instruction, program })
  })
  found.length = kernel.capped('BPF instructions', found.length, MOST_INSTRUCTIONS)
  const name = helperNames(kernel, found)
  const mapOf = mapFinder(kernel)
  return found.map((instruction) => {
    const { calls, loads, text } = instruction
    const helper = calls === null ? null : name(calls)
    const map_id = loads === null ? null : mapOf(loads)
    return { ...instruction, helper, map_id, text: named(text, helper, map_id) }
  })
}

/** An instruction's words with the name of what it calls or loads, as bpftool has them. */
function named(text: string, helper: string | null, map_id: number | null): string {
  if (helper !== null) return `call ${helper}`
  return map_id === null ? text : text.replace(/0x[0-9a-f]+$/, `map[id:${map_id}]`)
}

/** Names of what calls lead to: distances from `__bpf_call_base` once the verifier has linked them, numbers before. */
function helperNames(kernel: Kernel, instructions: readonly Instruction[]): (call: number) => string {
  const [base = 0n] = kernel.addresses('__bpf_call_base')
  const calls = [...new Set(instructions.flatMap(({ calls }) => (calls === null ? [] : [calls])))]
  const places = kernel.resolve(calls.map((call) => BigInt.asUintN(64, base + BigInt(call))))
  const numbered = constantNames(kernel, 'enum bpf_func_id', HELPERS)
  const names = new Map(
    calls.map((call, row) => {
      const { symbol = null, offset = null } = places[row] ?? {}
      const linked = symbol !== null && offset === 0 ? symbol : null
      // BPF_FUNC_map_lookup_elem is the number of bpf_map_lookup_elem.
      const number = numbered[call]?.replace(/^BPF_FUNC_/, 'bpf_')
      return [call, linked ?? (number === undefined || /^\d+$/.test(number) ? `${call}` : number)]
    }),
  )
  return (call) => names.get(call) ?? `${call}`
}

/** Finds the map that an address is that of. */
function mapFinder(kernel: Kernel): (address: bigint) => number | null {
  const maps = new Map(readMaps(kernel).map(({ address, id }) => [address, id]))
  return (address) => maps.get(address) ?? null
}
