/** Programs that are attached to sockets (net/core/filter.c): classic BPF as tcpdump -d writes it, others by their id. */

import type { Kernel } from './kernel.js'
import { array, type Nested, text } from './query.js'

const PROGRAM = 'struct bpf_prog'
/** BPF_MAXINSNS (include/uapi/linux/bpf_common.h). */
const MOST_INSTRUCTIONS = 4096

/** An instruction (struct sock_filter, include/uapi/linux/filter.h). */
export interface Instruction {
  code: number
  /** How many instructions are skipped where a comparison holds, and where it does not. */
  jt: number
  jf: number
  k: number
}

const INSTRUCTIONS = {
  walk: array('orig_prog->filter', { count: 'orig_prog->len', most: MOST_INSTRUCTIONS }),
  select: { code: 'code', jt: 'jt', jf: 'jf', k: 'k' },
} satisfies Nested

/** What programs do, by the address of the `struct bpf_prog`. */
export function readSocketFilters(kernel: Kernel, programs: ReadonlySet<bigint>): Map<bigint, string> {
  const batch = kernel
    .at(programs, PROGRAM)
    .select({ id: 'aux->id', name: text('aux->name') }, { instructions: INSTRUCTIONS })
  const instructions = batch.child('instructions')
  const byProgram = instructions.byParent()
  const number = (column: keyof Instruction, row: number) => instructions.column(column).number(row) ?? 0
  return new Map(
    Array.from({ length: batch.length }, (_, program) => {
      const rows = byProgram.get(program) ?? []
      const code = rows.map((row) => ({
        code: number('code', row),
        jt: number('jt', row),
        jf: number('jf', row),
        k: number('k', row),
      }))
      const name = batch.column('name').text(program)
      const extended = `eBPF program ${batch.column('id').number(program) ?? '?'}${name ? ` ${name}` : ''}`
      return [batch.address(program), code.length > 0 ? classicText(code) : extended]
    }),
  )
}

/** Instructions, each with its number, separated by semicolons. */
export function classicText(code: readonly Instruction[]): string {
  return code.map((instruction, at) => `(${at}) ${instructionText(instruction, at)}`).join('; ')
}

/** Classes, sizes, modes, operations and sources of an instruction (include/uapi/linux/bpf_common.h). */
const SIZES: Readonly<Record<number, string>> = { 0: '', 8: 'h', 16: 'b' }
const OPERATIONS = ['add', 'sub', 'mul', 'div', 'or', 'and', 'lsh', 'rsh', 'neg', 'mod', 'xor']
const JUMPS = ['ja', 'jeq', 'jgt', 'jge', 'jset']

function instructionText(instruction: Instruction, at: number): string {
  const { code, jt, jf, k } = instruction
  const operand = (code & 0x08) !== 0 ? 'x' : hash(k)
  switch (code & 0x07) {
    case 0:
      return `ld${SIZES[code & 0x18] ?? '?'} ${loaded(code, k)}`
    case 1:
      return `ldx${(code & 0x18) === 0x10 ? 'b' : ''} ${loaded(code, k)}`
    case 2:
      return `st M[${k}]`
    case 3:
      return `stx M[${k}]`
    case 4: {
      const operation = OPERATIONS[(code & 0xf0) >> 4]
      if (operation === undefined) break
      return operation === 'neg' ? 'neg' : `${operation} ${operand}`
    }
    case 5: {
      const jump = JUMPS[(code & 0xf0) >> 4]
      if (jump === undefined) break
      return jump === 'ja' ? `ja ${at + 1 + k}` : `${jump} ${operand} jt ${at + 1 + jt} jf ${at + 1 + jf}`
    }
    case 6:
      return `ret ${(code & 0x18) === 0x10 ? 'a' : `#${k}`}`
    case 7:
      return (code & 0xf8) === 0x80 ? 'txa' : 'tax'
  }
  return `0x${code.toString(16)} ${jt} ${jf} ${hash(k)}`
}

/** What a load takes, by its mode. */
function loaded(code: number, k: number): string {
  switch (code & 0xe0) {
    case 0x00:
      return hash(k)
    case 0x20:
      return `[${k}]`
    case 0x40:
      return `[x + ${k}]`
    case 0x60:
      return `M[${k}]`
    case 0x80:
      return '#pktlen'
    case 0xa0:
      return `4*([${k}]&0xf)`
    default:
      return `?${k}`
  }
}

const hash = (k: number): string => `#0x${k.toString(16)}`
