/** Bytes at addresses that only a calculation gives: those of buffers, and of pages by their `struct page`. */

import { append } from '../append.js'
import type { Kernel } from './kernel.js'
import { native } from './native.js'
import { bytes } from './query.js'

const PAGE = 'struct page'
/** The object itself as a pointer, of a type that is there in every kernel: any bytes can be read behind it. */
const HERE = 'container_of(_refcount, struct page, _refcount)'
/** Bytes that are read of one piece, of one thing and of all: queues hold far less, unless an image was made to lie. */
const [MOST_OF_PIECE, MOST_OF_ONE, MOST_OF_ALL] = [1 << 20, 1 << 24, 1 << 26]

/** So many bytes at an address of the kernel's. */
export interface Piece {
  address: bigint
  length: number
}

/** The bytes of pieces, in their order; null, and a warning, where not all of a piece can be read. */
export function readPieces(kernel: Kernel, pieces: readonly Piece[]): (Uint8Array | null)[] {
  const byLength = new Map<number, number[]>([[0, []]])
  for (const [at, { length }] of pieces.entries()) append(byLength, length, at)
  const found = new Array<Uint8Array | null>(pieces.length).fill(null)
  for (const [length, own] of byLength) {
    const batch = kernel
      .at(
        own.map((at) => pieces[at]?.address ?? 0n),
        PAGE,
      )
      .select({ bytes: bytes(`((char *)${HERE})`, { length }) })
    for (const [row, at] of own.entries()) found[at] = batch.column('bytes').bytes(row)
  }
  return found
}

/** What lies in pieces that follow each other. */
export interface Contents {
  /** The bytes, with zeros for what cannot be read. */
  contents: Uint8Array
  /** How many could not be read. */
  lost: number
}

/** Things in pieces with their contents: all in one go, of each the first `MOST_OF_ONE` bytes, of all `MOST_OF_ALL`. */
export function readContents<T extends { parts: readonly Piece[] }>(
  kernel: Kernel,
  things: readonly T[],
): (Omit<T, 'parts'> & Contents)[] {
  let left = MOST_OF_ALL
  const kept = things.map(({ parts }) => {
    let own = Math.min(left, MOST_OF_ONE)
    const taken = parts.map(({ address, length }) => {
      const piece = { address, length: Math.min(length, own, MOST_OF_PIECE) }
      own -= piece.length
      return piece
    })
    left -= taken.reduce((sum, { length }) => sum + length, 0)
    return taken
  })
  const wanted = things.flatMap(({ parts }) => parts).reduce((sum, { length }) => sum + length, 0)
  const cut = wanted - (MOST_OF_ALL - left)
  if (cut > 0) kernel.warn({ code: 'cap', message: 'bytes of queues are left out: there are too many', count: cut })
  const read = readPieces(kernel, kept.flat())
  let next = 0
  return things.map(({ parts: _, ...thing }, at) => {
    const own = kept[at] ?? []
    const contents = new Uint8Array(own.reduce((sum, { length }) => sum + length, 0))
    let [offset, lost] = [0, 0]
    for (const { length } of own) {
      const bytes = read[next++] ?? null
      if (bytes === null) lost += length
      else contents.set(bytes.subarray(0, length), offset)
      offset += length
    }
    return { ...thing, contents, lost }
  })
}

/** Where the bytes of a page lie; null where the kernel does not say where pages are. */
export type PageAddress = (page: bigint) => bigint | null

/** page_address(): pages lie in the direct map as their `struct page`s do one after another. */
export function pageAddresses(kernel: Kernel): PageAddress {
  const structs = native.pageStructs(kernel.id)
  if (structs === null) return () => null
  const { first, size, base } = structs
  return (page) => {
    const address = BigInt.asUintN(64, base + ((page - first) / BigInt(size)) * BigInt(kernel.info.page_size))
    return page < first ? null : address
  }
}
