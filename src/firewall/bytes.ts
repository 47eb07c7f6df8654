/** Numbers and text in what an extension of xtables is told, as C lays it out on a little-endian machine. */

import { hexText } from '../bytes-text.js'
import { ipv4Text, ipv6Text } from '../kernel/net-addresses.js'

const decoder = new TextDecoder()

/** A struct's bytes; what lies behind their end reads as zero. */
export class Struct {
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get length(): number {
    return this.#bytes.length
  }

  u8(at: number): number {
    return this.#bytes[at] ?? 0
  }

  u16(at: number): number {
    return this.u8(at) | (this.u8(at + 1) << 8)
  }

  /** A `__be16`. */
  be16(at: number): number {
    return (this.u8(at) << 8) | this.u8(at + 1)
  }

  u32(at: number): number {
    return this.u16(at) + this.u16(at + 2) * 0x1_0000
  }

  /** Bytes from `at` on, fewer where the struct ends. */
  part(at: number, length: number): Uint8Array {
    return this.#bytes.subarray(at, at + length)
  }

  /** A `char` array, to its NUL. */
  text(at: number, length: number): string {
    return textOf(this.part(at, length))
  }

  /** A `union nf_inet_addr`. */
  address(at: number, family: Family): string {
    return family === 'ip' ? ipv4Text(this.u32(at)) : ipv6Text(this.part(at, 16))
  }

  hex(): string {
    return hexText(this.#bytes)
  }
}

/** IPv4 or IPv6, as nft calls them. */
export type Family = 'ip' | 'ip6'

/** Text up to its NUL. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return decoder.decode(end === -1 ? bytes : bytes.subarray(0, end))
}

/** How many bits of a mask are set from the left on, or null where others are set behind a gap. */
export function prefixLength(mask: Uint8Array): number | null {
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('')
  const length = bits.indexOf('0') === -1 ? bits.length : bits.indexOf('0')
  return bits.slice(length).includes('1') ? null : length
}

/** An address of 4 or 16 bytes. */
export function addressOf(bytes: Uint8Array): string {
  return bytes.length === 4 ? new Struct(bytes).address(0, 'ip') : new Struct(bytes).address(0, 'ip6')
}
