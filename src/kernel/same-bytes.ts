/** Two files that may be the same, by what memory has of both. */

import type { FileContents, FilePiece } from './file-contents.js'

/** What of a file is asked: its pieces come in order. */
type Contents = Pick<FileContents, 'size'> & Iterable<FilePiece>

/** How many bytes two files have both in memory, all of them the same; null where one is another, or the sizes are. */
export function sameBytes(one: Contents | null, other: Contents | null): number | null {
  if (one === null || other === null || one.size !== other.size) return null
  const [left, right] = [present(one), present(other)]
  let [own, its] = [left.next(), right.next()]
  let same = 0
  while (own.done !== true && its.done !== true) {
    const start = Math.max(own.value.offset, its.value.offset)
    const [ownEnd, itsEnd] = [endOf(own.value), endOf(its.value)]
    const end = Math.min(ownEnd, itsEnd)
    if (start < end) {
      if (Buffer.compare(part(own.value, start, end), part(its.value, start, end)) !== 0) return null
      same += end - start
    }
    if (ownEnd <= itsEnd) own = left.next()
    else its = right.next()
  }
  return same
}

interface Piece {
  readonly offset: number
  readonly bytes: Uint8Array
}

function* present(contents: Contents): Generator<Piece> {
  for (const piece of contents) if ('bytes' in piece) yield piece
}

function endOf({ offset, bytes }: Piece): number {
  return offset + bytes.length
}

function part({ offset, bytes }: Piece, start: number, end: number): Uint8Array {
  return bytes.subarray(start - offset, end - offset)
}
