/** Evidence as pieces, lines and whole texts, packed by gzip or not. */

import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

/** More of one line is no line of a log; an audit event with request and answer has some MiB. */
const MOST_LINE = 16 << 20
/** A document is held whole, and its values take several times as much. */
const MOST_DOCUMENT = 256 << 20

/** The pieces of a file, unpacked where it is packed; where that is damaged they end, and `damaged` is told. */
export async function* unpacked(
  stream: AsyncIterable<Uint8Array>,
  beginning: Uint8Array,
  damaged: () => void,
): AsyncGenerator<Uint8Array> {
  if (beginning[0] !== 0x1f || beginning[1] !== 0x8b) {
    yield* stream
    return
  }
  const gunzip = createGunzip()
  // What goes wrong comes to whoever reads.
  pipeline(Readable.from(stream), gunzip, () => {})
  try {
    yield* gunzip
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && /^Z_/.test(String(error.code)))) throw error
    damaged()
  }
}

/** The first bytes of a file. */
export async function beginningOf(stream: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of stream) {
    pieces.push(piece)
    length += piece.length
    if (length >= most) break
  }
  return Buffer.concat(pieces).subarray(0, most)
}

/** All of a text, or null where it is larger than is held. */
export async function wholeText(stream: AsyncIterable<Uint8Array>, most = MOST_DOCUMENT): Promise<string | null> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of stream) {
    length += piece.length
    if (length > most) return null
    pieces.push(piece)
  }
  return new TextDecoder().decode(Buffer.concat(pieces))
}

/** Lines without their ends; one that is too long is given as null. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string | null> {
  const decoder = new TextDecoder()
  let rest: string[] = []
  let length = 0
  let tooLong = false
  const end = (last: string): string | null => {
    const line = tooLong ? null : rest.join('') + last
    rest = []
    length = 0
    tooLong = false
    return line?.endsWith('\r') ? line.slice(0, -1) : line
  }
  for await (const piece of stream) {
    const text = decoder.decode(piece, { stream: true })
    let from = 0
    for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
      yield end(text.slice(from, to))
      from = to + 1
    }
    length += text.length - from
    if (length > MOST_LINE) {
      tooLong = true
      rest = []
    } else rest.push(text.slice(from))
  }
  const last = end(decoder.decode())
  if (last !== '') yield last
}
