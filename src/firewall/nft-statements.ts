/**
 * What the expressions of an nf_tables rule do together: expressions load values into registers, change them there, and
 * compare or use them; a statement is what comes of it.
 */

import type { Value } from '../kernel/batch.js'
import type { Expression } from '../kernel/nft-expressions.js'

/** Something that a rule looks at or makes. */
export interface Operand {
  kind:
    | 'payload'
    | 'meta'
    | 'ct'
    | 'rt'
    | 'fib'
    | 'exthdr'
    | 'socket'
    | 'immediate'
    | 'map'
    | 'numgen'
    | 'hash'
    | 'unknown'
  /** Members of the expression that loaded it. */
  fields: Fields
  /** What is left of it, and what is turned: as many bytes as it has. */
  mask?: Uint8Array
  xor?: Uint8Array
  /** Bits that it was moved to the left (positive) or to the right. */
  shift?: number
  /** Of a map or hash: what it is made from. */
  from?: Operand[]
}

export type Fields = Readonly<Record<string, Value>>
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>='

export type Statement =
  | { kind: 'compare'; left: Operand; comparison: Comparison; data: Uint8Array }
  | { kind: 'range'; left: Operand; inverted: boolean; from: Uint8Array; to: Uint8Array }
  | { kind: 'lookup'; left: Operand[]; set: bigint; inverted: boolean }
  | { kind: 'vmap'; left: Operand[]; set: bigint }
  | { kind: 'verdict'; code: number; chain: bigint }
  | { kind: 'assign'; to: 'meta' | 'ct' | 'payload'; fields: Fields; value: Operand }
  /** What needs no registers but those named in it. */
  | {
      kind: 'other'
      name: string
      expression: string
      fields: Fields | null
      operand: (register: number) => Operand | undefined
    }

/** enum nft_cmp_ops (include/uapi/linux/netfilter/nf_tables.h). */
const COMPARISONS: readonly Comparison[] = ['==', '!=', '<', '<=', '>', '>=']
/** NFT_REG_VERDICT as the kernel counts registers, by 32 bits. */
const VERDICT_REGISTER = 0
/** Most parts of a concatenation (NFT_REG32_COUNT). */
const MOST_PARTS = 16

/** What loads a register, by its kind. */
const LOADS: Readonly<Record<string, Operand['kind']>> = {
  payload: 'payload',
  meta_get: 'meta',
  ct_get: 'ct',
  rt_get: 'rt',
  fib: 'fib',
  exthdr: 'exthdr',
  socket: 'socket',
  ng_inc: 'numgen',
  ng_random: 'numgen',
  symhash: 'hash',
}
const STORES: Readonly<Record<string, 'meta' | 'ct' | 'payload'>> = {
  meta_set: 'meta',
  ct_set: 'ct',
  payload_set: 'payload',
}

/** What is known of a set where it is looked into. */
export interface SetShape {
  /** Bytes of its keys. */
  keyLength: number
  /** Whether what is found is a verdict, or a value; null for a set. */
  gives: 'verdict' | 'value' | null
}

/** A rule's statements, in order. */
export function statementsOf(
  expressions: readonly Expression[],
  setOf: (set: bigint) => SetShape | undefined,
): Statement[] {
  const registers = new Map<number, Operand>()
  const statements: Statement[] = []
  for (const expression of expressions) {
    const statement = step(expression, registers, setOf)
    if (statement !== null) statements.push(statement)
  }
  return statements
}

const number = (value: Value | undefined) =>
  typeof value === 'bigint' ? Number(value) : typeof value === 'number' ? value : 0
const bytes = (value: Value | undefined) => (value instanceof Uint8Array ? value : new Uint8Array())
/** A pointer among an expression's members. */
export const pointerOf = (value: Value | undefined) =>
  BigInt(typeof value === 'bigint' || typeof value === 'number' ? value : 0)

function step(
  { name, kind, fields }: Expression,
  registers: Map<number, Operand>,
  setOf: (set: bigint) => SetShape | undefined,
): Statement | null {
  const operand = (register: number) => registers.get(register)
  const at = (register: Value | undefined): Operand => operand(number(register)) ?? { kind: 'unknown', fields: {} }
  if (fields === null) return { kind: 'other', name, expression: kind, fields, operand }
  const loads = LOADS[kind]
  // What sets a header's option has no register to load.
  if (loads !== undefined) {
    registers.set(number(fields.dreg), { kind: loads, fields: { ...fields, expression: kind } })
    return null
  }
  const stores = STORES[kind]
  if (stores !== undefined) return { kind: 'assign', to: stores, fields, value: at(fields.sreg) }
  switch (kind) {
    case 'cmp':
      return {
        ...{ kind: 'compare', left: at(fields.sreg), comparison: COMPARISONS[number(fields.op)] ?? '==' },
        data: bytes(fields.data).subarray(0, number(fields.len)),
      }
    case 'cmp_fast':
    case 'cmp16_fast': {
      // The mask has the bits that are compared, which are the data's.
      const length = bytes(fields.mask).filter((byte) => byte !== 0).length
      const data = bytes(fields.data).subarray(0, length)
      return { kind: 'compare', left: at(fields.sreg), comparison: number(fields.inv) === 0 ? '==' : '!=', data }
    }
    case 'range': {
      const [from, to] = [bytes(fields.from), bytes(fields.to)].map((end) => end.subarray(0, number(fields.len)))
      const ends = { from: from ?? new Uint8Array(), to: to ?? new Uint8Array() }
      return { kind: 'range', left: at(fields.sreg), inverted: number(fields.op) === 1, ...ends }
    }
    case 'bitwise':
    case 'bitwise_fast':
      registers.set(number(fields.dreg), changed(at(fields.sreg), fields))
      return null
    case 'byteorder':
      registers.set(number(fields.dreg), at(fields.sreg))
      return null
    case 'jhash': {
      const from = parts(registers, number(fields.sreg), number(fields.len))
      registers.set(number(fields.dreg), { kind: 'hash', fields: { ...fields, expression: kind }, from })
      return null
    }
    case 'immediate':
      if (number(fields.dreg) === VERDICT_REGISTER) {
        return { kind: 'verdict', code: number(fields.code) | 0, chain: pointerOf(fields.chain) }
      }
      registers.set(number(fields.dreg), { kind: 'immediate', fields })
      return null
    case 'lookup':
      return looked(fields, registers, setOf)
    default:
      return { kind: 'other', name, expression: kind, fields, operand }
  }
}

/** NFT_BITWISE_LSHIFT and NFT_BITWISE_RSHIFT. */
const LEFT = 1
const RIGHT = 2

function changed(operand: Operand, fields: Fields): Operand {
  const operation = number(fields.op)
  if (operation === LEFT || operation === RIGHT) {
    const [low = 0] = bytes(fields.data)
    return { ...operand, shift: operation === LEFT ? low : -low }
  }
  const length = number(fields.len) || 4
  return { ...operand, mask: bytes(fields.mask).subarray(0, length), xor: bytes(fields.xor).subarray(0, length) }
}

function looked(
  fields: Fields,
  registers: Map<number, Operand>,
  setOf: (set: bigint) => SetShape | undefined,
): Statement | null {
  const set = pointerOf(fields.set)
  const shape = setOf(set)
  const left = parts(registers, number(fields.sreg), shape?.keyLength ?? 0)
  if (shape?.gives === 'verdict') return { kind: 'vmap', left, set }
  if (shape?.gives === 'value') {
    registers.set(number(fields.dreg), { kind: 'map', fields: { set }, from: left })
    return null
  }
  return { kind: 'lookup', left, set, inverted: number(fields.invert) !== 0 }
}

/** What lies in registers one after another: so many bytes, each part in whole registers. */
function parts(registers: ReadonlyMap<number, Operand>, first: number, length: number): Operand[] {
  const found: Operand[] = []
  let register = first
  const end = first + Math.max(1, Math.ceil(length / 4))
  while (register < end && found.length < MOST_PARTS) {
    const operand = registers.get(register)
    found.push(operand ?? { kind: 'unknown', fields: {} })
    register += operand === undefined ? 1 : Math.max(1, Math.ceil(lengthOf(operand) / 4))
  }
  return found
}

/** NFT_META_IIFNAME, _OIFNAME, _BRI_IIFNAME, _BRI_OIFNAME, _IIFKIND, _OIFKIND and _SDIFNAME: names of 16 bytes. */
const NAMES: ReadonlySet<number> = new Set([6, 7, 17, 18, 26, 27, 34])
/** NFT_CT_SRC, _DST, _SRC_IP6 and _DST_IP6. */
const LONG_CT: ReadonlySet<number> = new Set([8, 9, 21, 22])

/** Bytes that an operand takes. */
export function lengthOf({ kind, fields }: Operand): number {
  const key = number(fields.key)
  if (kind === 'payload' || kind === 'exthdr') return number(fields.len)
  if (kind === 'immediate') return number(fields.dlen)
  if (kind === 'meta') return NAMES.has(key) ? 16 : 4
  if (kind === 'ct') return LONG_CT.has(key) ? 16 : 4
  return 4
}
