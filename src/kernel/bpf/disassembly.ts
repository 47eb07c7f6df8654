/** BPF instructions in words, as `bpftool prog dump xlated` prints them (kernel/bpf/disasm.c). */

/** BPF_CLASS (include/uapi/linux/bpf_common.h), and BPF_JMP32 and BPF_ALU64 beside it (include/uapi/linux/bpf.h). */
const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const
/** BPF_OP of arithmetic: add, sub and so on, by the high half of the opcode. */
const ARITHMETIC = ['+=', '-=', '*=', '/=', '|=', '&=', '<<=', '>>=', 'neg', '%=', '^=', '=', 's>>=', 'endian']
/** BPF_OP of jumps. */
const JUMPS = ['', '==', '>', '>=', '&', '!=', 's>', 's>=', 'call', 'exit', '<', '<=', 's<', 's<=']
/** BPF_SIZE. */
const SIZES = ['u32', 'u16', 'u8', 'u64']
/** BPF_MODE: immediate, absolute, indirect and atomic; the others are memory, with or without sign or exception table. */
const MODE = { imm: 0x00, abs: 0x20, ind: 0x40, memsx: 0x80, atomic: 0xc0 } as const
/** BPF_FETCH, BPF_XCHG and BPF_CMPXCHG. */
const ATOMIC = { fetch: 0x01, exchange: 0xe1, compare: 0xf1 } as const
/** What a call calls, in its source register: a function of the kernel, one of the program, one by its BTF. */
const CALLS = { helper: 0, inner: 1, kernel: 2 } as const
/** BPF_X: the operand is a register. */
const REGISTER = 0x08

/** An instruction. */
export interface Instruction {
  /** Its place, as jumps count. */
  index: number
  /** Its bytes, two digits each; both halves of one that loads 64 bits. */
  code: string
  text: string
  /** What it calls of the kernel, as a distance from `__bpf_call_base`. */
  calls: number | null
  /** The 64 bits that it loads. */
  loads: bigint | null
}

/** Takes bytes apart; what calls and 64-bit constants mean is for whoever knows the kernel to say. */
export function disassemble(bytes: Uint8Array): Instruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: Instruction[] = []
  const slots = Math.floor(bytes.byteLength / 8)
  for (let index = 0; index < slots; index++) {
    const wide = view.getUint8(index * 8) === 0x18 && index + 1 < slots
    const low = view.getUint32(index * 8 + 4, true)
    const loads = wide ? (BigInt(view.getUint32(index * 8 + 12, true)) << 32n) | BigInt(low) : null
    const code = Buffer.from(bytes.subarray(index * 8, index * 8 + (wide ? 16 : 8))).toString('hex')
    const fields = fieldsOf(view, index * 8)
    found.push({ index, code, text: wordsOf(fields, loads), calls: calledBy(fields), loads })
    if (wide) index++
  }
  return found
}

interface Fields {
  opcode: number
  destination: number
  source: number
  offset: number
  immediate: number
}

function fieldsOf(view: DataView, at: number): Fields {
  const registers = view.getUint8(at + 1)
  return {
    opcode: view.getUint8(at),
    destination: registers & 0xf,
    source: registers >> 4,
    offset: view.getInt16(at + 2, true),
    immediate: view.getInt32(at + 4, true),
  }
}

function calledBy({ opcode, source, immediate }: Fields): number | null {
  return opcode === 0x85 && source !== CALLS.inner ? immediate : null
}

function wordsOf(fields: Fields, loads: bigint | null): string {
  const { opcode, destination, source, offset, immediate } = fields
  const size = SIZES[(opcode >> 3) & 3]
  const mode = opcode & 0xe0
  const memory = (register: number) => `*(${size} *)(r${register} ${signed(offset)})`
  switch (opcode & 7) {
    case CLASS.alu:
    case CLASS.alu64:
      return arithmetic(fields)
    case CLASS.jmp:
    case CLASS.jmp32:
      return jump(fields)
    case CLASS.ldx:
      return `r${destination} = ${mode === MODE.memsx ? memory(source).replace('u', 's') : memory(source)}`
    case CLASS.st:
      return `${memory(destination)} = ${immediate}`
    case CLASS.stx:
      return mode === MODE.atomic ? atomic(fields, memory(destination)) : `${memory(destination)} = r${source}`
    default:
      if (mode === MODE.abs) return `r0 = *(${size} *)skb[${immediate}]`
      if (mode === MODE.ind) return `r0 = *(${size} *)skb[r${source} ${signed(immediate)}]`
      return loads === null ? unknown(opcode) : `r${destination} = 0x${loads.toString(16)}`
  }
}

function arithmetic({ opcode, destination, source, offset, immediate }: Fields): string {
  const operation = ARITHMETIC[opcode >> 4]
  const prefix = (opcode & 7) === CLASS.alu ? 'w' : 'r'
  const target = `${prefix}${destination}`
  if (operation === undefined) return unknown(opcode)
  if (operation === 'neg') return `${target} = -${target}`
  if (operation === 'endian') {
    const order = (opcode & 7) === CLASS.alu64 ? 'bswap' : (opcode & REGISTER) !== 0 ? 'be' : 'le'
    return `r${destination} = ${order}${immediate} r${destination}`
  }
  const operand = (opcode & REGISTER) !== 0 ? `${prefix}${source}` : `${immediate}`
  // An offset makes division signed, and a move one that widens so many bits.
  if (offset !== 0 && operation === '=') return `${target} = (s${offset})${operand}`
  return `${target} ${offset !== 0 && /[/%]/.test(operation) ? `s${operation}` : operation} ${operand}`
}

function jump({ opcode, destination, source, offset, immediate }: Fields): string {
  const operation = JUMPS[opcode >> 4]
  const short = (opcode & 7) === CLASS.jmp32
  if (operation === undefined) return unknown(opcode)
  if (operation === 'exit') return 'exit'
  if (operation === 'call') return source === CALLS.inner ? `call pc${signed(immediate)}` : `call ${immediate}`
  if (operation === '') return `goto pc${signed(short ? immediate : offset)}`
  const register = short ? 'w' : 'r'
  const operand = (opcode & REGISTER) !== 0 ? `${register}${source}` : `0x${(immediate >>> 0).toString(16)}`
  return `if ${register}${destination} ${operation} ${operand} goto pc${signed(offset)}`
}

function atomic({ source, immediate }: Fields, memory: string): string {
  if (immediate === ATOMIC.exchange) return `r${source} = atomic_xchg(${memory}, r${source})`
  if (immediate === ATOMIC.compare) return `r0 = atomic_cmpxchg(${memory}, r0, r${source})`
  const operation = ARITHMETIC[(immediate >> 4) & 0xf] ?? '?='
  return (immediate & ATOMIC.fetch) !== 0
    ? `r${source} = atomic_fetch(${memory} ${operation} r${source})`
    : `lock ${memory} ${operation} r${source}`
}

function signed(number: number): string {
  return number < 0 ? `${number}` : `+${number}`
}

function unknown(opcode: number): string {
  return `(0x${opcode.toString(16).padStart(2, '0')})`
}
