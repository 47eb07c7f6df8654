/** Credentials in the memory of processes, where nothing says how long a text is or what it is called. */

import { findSecrets, type Secret } from './find.js'

/** A process's memory. */
export interface Memory {
  find(patterns: readonly string[]): Iterable<{ address: bigint; which: number }>
  read(address: bigint, length: number): Iterable<{ address: bigint; length: number; bytes?: Uint8Array }>
}

/**
 * How secrets begin, and how many bytes the longest of each has; tokens by the members that their headers begin with. Other
 * forms would begin with more different bytes than can be looked for at the price of reading: they cost four times as much.
 */
const BEGINNINGS: readonly (readonly [text: string, longest: number])[] = [
  ['eyJhbGciOi', 8192],
  ['eyJ0eXAiOi', 8192],
  ['eyJraWQiOi', 8192],
  ['-----BEGIN ', 8192],
  ['AKIA', 24],
  ['ASIA', 24],
]
const PATTERNS = BEGINNINGS.map(([text]) => text)
/** Characters of signatures (RFC 7518) in base64: of HMAC and elliptic curves, and of RSA keys of 2048, 3072, 4096 bits. */
const SIGNATURES: Readonly<Record<string, readonly number[]>> = {
  HS256: [43],
  HS384: [64],
  HS512: [86],
  ES256: [86],
  ES384: [128],
  ES512: [176],
  EdDSA: [86],
}
const RSA = [683, 512, 342]

/** Places in one process that are looked at. */
export const MOST_PLACES = 4096

/** Each secret once. `capped` hears where there were more places than are looked at. */
export function secretsInMemory(memory: Memory, capped: () => void): Secret[] {
  const found = new Map<string, Secret>()
  let count = 0
  for (const { address, which } of memory.find(PATTERNS)) {
    if (++count > MOST_PLACES) {
      capped()
      break
    }
    const [beginning = '', longest = 0] = BEGINNINGS[which] ?? []
    const text = textFrom(memory, address, longest + 1)
    const [first] = findSecrets(text)
    if (first === undefined || !text.slice(0, 1 + beginning.length).includes(first.value.slice(0, 4))) continue
    const secret = first.jwt === null ? first : withoutRest(first)
    if (secret === null || found.has(secret.value)) continue
    found.set(secret.value, { ...secret, name: secret.kind === 'private-key' ? secret.name : null })
  }
  return [...found.values()]
}

/** From the byte before a place on, as far as memory is there: what stands before tells whether a secret begins here. */
function textFrom(memory: Memory, address: bigint, length: number): string {
  const parts: Uint8Array[] = []
  for (const piece of memory.read(address - 1n, length)) {
    if (piece.bytes === undefined) {
      if (parts.length > 0) break
    } else parts.push(piece.bytes)
  }
  return Buffer.concat(parts).toString('latin1')
}

/** A text in a heap has no end: what follows a signature that is as long as it can be is another's. Null where it is cut off. */
function withoutRest(secret: Secret): Secret | null {
  const end = secret.value.lastIndexOf('.') + 1
  const signature = secret.value.length - end
  const algorithm = secret.jwt?.algorithm ?? ''
  const lengths = Object.hasOwn(SIGNATURES, algorithm) ? (SIGNATURES[algorithm] ?? RSA) : RSA
  const length = lengths.find((possible) => possible <= signature)
  return length === undefined ? null : { ...secret, value: secret.value.slice(0, end + length) }
}
