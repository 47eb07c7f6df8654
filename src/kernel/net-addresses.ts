/** Addresses of networks as text, from the bytes that the kernel keeps, and back. */

import { isIPv4, isIPv6 } from 'node:net'

/** A `__be32` as it was read on a little-endian machine, as `10.0.2.15`. */
export function ipv4Text(address: number): string {
  return [0, 8, 16, 24].map((shift) => (address >>> shift) & 255).join('.')
}

/** A `struct in6_addr`, 16 bytes, in the shortest form (RFC 5952), one that maps IPv4 as `::ffff:10.0.2.15`. */
export function ipv6Text(bytes: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, at) => ((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0))
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) {
    return `::ffff:${Array.from(bytes.subarray(12, 16)).join('.')}`
  }
  const { start, length } = longestZeros(words)
  const hex = (part: number[]) => part.map((word) => word.toString(16)).join(':')
  if (length < 2) return hex(words)
  return `${hex(words.slice(0, start))}::${hex(words.slice(start + length))}`
}

/** The first of the longest runs of zeros. */
function longestZeros(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let length = 0
  for (const [at, word] of words.entries()) {
    length = word === 0 ? length + 1 : 0
    if (length > best.length) best = { start: at + 1 - length, length }
  }
  return best
}

/** The bytes of an address in text, four or sixteen of them; null where it is none. */
export function addressBytes(text: string): Uint8Array | null {
  if (isIPv4(text)) return Uint8Array.from(text.split('.').map(Number))
  if (!isIPv6(text)) return null
  const [plain = ''] = text.split('%')
  const mapped = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(plain)
  const four = mapped?.[2]?.split('.').map(Number) ?? []
  const hex = mapped === null ? plain : `${mapped[1]}${word(four[0], four[1])}:${word(four[2], four[3])}`
  const [before = [], after] = hex.split('::').map((half) => half.split(':').filter((part) => part !== ''))
  const zeros = after === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => '0')
  const words = [...before, ...zeros, ...(after ?? [])].map((part) => Number.parseInt(part, 16))
  return Uint8Array.from(words.flatMap((value) => [value >> 8, value & 255]))
}

function word(high = 0, low = 0): string {
  return ((high << 8) | low).toString(16)
}

/** A `__be16` as it was read on a little-endian machine: a port, a protocol. */
export function hostOrder(word: number): number {
  return ((word & 0xff) << 8) | (word >> 8)
}

/** A hardware address, as `02:42:ac:1e:00:02`; empty where there are no bytes. */
export function macText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':')
}
