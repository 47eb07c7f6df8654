/** Bytes of no type. */

import type { Kernel } from './kernel.js'

/** What is read at one address: NFT_DATA_VALUE_MAXLEN (include/net/netfilter/nf_tables.h) is the most that anybody asks. */
const LONGEST = 64

/**
 * Bytes at some addresses, read by whole words; at most 64 each; null where one cannot be read, and at
 * address 0. A query has no type for so many bytes as an object says.
 */
export function readParts(
  kernel: Kernel,
  parts: readonly { address: bigint; length: number }[],
): (Uint8Array | null)[] {
  const words = parts.map(({ address, length }) => (address === 0n ? 0 : Math.ceil(Math.min(length, LONGEST) / 8)))
  const places = parts.flatMap(({ address }, at) =>
    Array.from({ length: words[at] ?? 0 }, (_, word) => address + BigInt(8 * word)),
  )
  const values = kernel.at(places, 'unsigned long').select({ value: '' }).column('value')
  let next = 0
  return parts.map(({ address, length }, at) => {
    if (address === 0n) return null
    const bytes = new Uint8Array(8 * (words[at] ?? 0))
    const view = new DataView(bytes.buffer)
    for (let word = 0; word < (words[at] ?? 0); word++) {
      const value = values.bigint(next++)
      if (value === null) {
        next += (words[at] ?? 0) - word - 1
        return null
      }
      view.setBigUint64(8 * word, value, true)
    }
    return bytes.subarray(0, Math.min(length, LONGEST))
  })
}
