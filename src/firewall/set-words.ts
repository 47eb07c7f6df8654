/** Elements of sets and maps, as nft lists them. */

import { hexText } from '../bytes-text.js'
import type { NftElement, NftSet } from '../kernel/nft-sets.js'
import { Struct } from './bytes.js'
import { concatenated, type Type, typesOf } from './nft-values.js'
import { verdictWords } from './nft-words.js'

/** Elements that are written out within a rule. */
const MOST_WORDS = 1024

/** `{ 22, 80-90 }`, `{ 0 : accept }`; `types` are those of what is looked for, where the set does not tell its own. */
export function setWords(set: NftSet, types: readonly Type[], chain: (chain: bigint) => string | null): string {
  const words = elementWords(set, types, chain)
  const rest = words.length > MOST_WORDS ? [`… ${words.length - MOST_WORDS} more`] : []
  return `{ ${[...words.slice(0, MOST_WORDS), ...rest].join(', ')} }`
}

/** An element, or a range of them, with what it gives. */
export interface Words {
  key: string
  /** A verdict or a value; null for what gives none. */
  value: string | null
  /** Name of the chain that a verdict leads to. */
  chain: string | null
  from: Uint8Array | null
  to: Uint8Array | null
}

/** Each element, a range as one; `types` are those of what is looked for, where the set does not tell its own. */
export function elementsOf(set: NftSet, chain: (chain: bigint) => string | null, types: readonly Type[] = []): Words[] {
  const own = typesOf(set.keyType)
  const known = own.length > 0 ? own : types
  return ranges(set).map(({ from, to, data, catchall }) => ({
    key: catchall ? '*' : from === null ? '?' : concatenated(known, from, to),
    ...given(set, data, chain),
    ...{ from, to },
  }))
}

/** The same as nft writes it. */
function elementWords(set: NftSet, types: readonly Type[], chain: (chain: bigint) => string | null): string[] {
  return elementsOf(set, chain, types).map(({ key, value }) => (value === null ? key : `${key} : ${value}`))
}

/** What a map gives. */
function given(
  set: NftSet,
  data: Uint8Array | null,
  chain: (chain: bigint) => string | null,
): Pick<Words, 'value' | 'chain'> {
  if (set.gives === null || set.gives === 'object') return { value: null, chain: null }
  if (data === null) return { value: '?', chain: null }
  if (set.gives === 'value') return { value: concatenated(typesOf(set.dataType), data), chain: null }
  const verdict = new Struct(data)
  const target = chain(BigInt(verdict.u32(8)) + (BigInt(verdict.u32(12)) << 32n))
  return { value: verdictWords(verdict.u32(0) | 0, target), chain: target }
}

interface Range {
  from: Uint8Array | null
  to: Uint8Array | null
  data: Uint8Array | null
  catchall: boolean
}

/** A tree of ranges has the first key of each, and the first behind it; other sets have both ends together, or one key. */
function ranges({ elements, interval }: NftSet): Range[] {
  if (!interval || elements.some(({ keyEnd }) => keyEnd !== null)) {
    const sorted = elements.toSorted((left, right) => compare(left.key, right.key))
    return sorted.map(({ key, keyEnd, data, catchall }) => ({ from: key, to: keyEnd, data, catchall }))
  }
  // Where one range ends another may begin.
  const rank = ({ end }: NftElement) => (end ? 0 : 1)
  const sorted = elements.toSorted((left, right) => compare(left.key, right.key) || rank(left) - rank(right))
  return sorted.flatMap((element, at): Range[] => {
    if (element.end) return []
    const next = sorted[at + 1]
    const to = next?.end === true && next.key !== null ? before(next.key) : last(element.key)
    return [{ from: element.key, to, data: element.data, catchall: element.catchall }]
  })
}

function compare(left: Uint8Array | null, right: Uint8Array | null): number {
  const [a, b] = [hexText(left ?? new Uint8Array()), hexText(right ?? new Uint8Array())]
  return a < b ? -1 : a > b ? 1 : 0
}

/** The key before another one. */
function before(key: Uint8Array): Uint8Array {
  const result = key.slice()
  for (let at = result.length - 1; at >= 0; at--) {
    const byte = result[at] ?? 0
    result[at] = (byte + 255) & 0xff
    if (byte !== 0) break
  }
  return result
}

function last(key: Uint8Array | null): Uint8Array | null {
  return key === null ? null : key.map(() => 0xff)
}
