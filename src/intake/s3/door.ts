/** How the core asks for parts of a file that is elsewhere: native/src/image/remote.rs has the words. */

import { createServer, type Socket } from 'node:net'
import { type ErrorCode, toFailure } from '../../engine/errors.js'

/** Brings so many bytes of the file to their place, more of them where that does no harm. Answers how many. */
export type Bring = (from: number, needed: number, welcome: number) => Promise<number>

const REQUEST = 24
const BROUGHT = 0
const KINDS: Partial<Record<ErrorCode, number>> = { EVIDENCE: 1, LIMIT: 2, USAGE: 3 }
const LONGEST_REASON = 2000

function answer(kind: number, word: number, text: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9)
  head.writeUInt8(kind)
  head.writeBigUInt64LE(BigInt(word), 1)
  return Buffer.concat([head, text])
}

async function answerTo(request: Buffer, bring: Bring): Promise<Buffer> {
  const word = (index: number): number => Number(request.readBigUInt64LE(8 * index))
  try {
    return answer(BROUGHT, await bring(word(0), word(1), word(2)))
  } catch (error) {
    const { code, message } = toFailure(error)
    const text = Buffer.from(message).subarray(0, LONGEST_REASON)
    return answer(KINDS[code] ?? 1, text.length, text)
  }
}

/** Answers what comes over a connection, one request after the other, as the core makes them. */
async function serve(socket: Socket, bring: Bring): Promise<void> {
  let rest = Buffer.alloc(0)
  for await (const piece of socket) {
    rest = Buffer.concat([rest, piece as Buffer])
    for (; rest.length >= REQUEST; rest = rest.subarray(REQUEST)) socket.write(await answerTo(rest, bring))
  }
}

/** Listens at a socket for as long as its thread lives. */
export function openDoor(path: string, bring: Bring): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      // Whoever closed the image needs no more of it.
      serve(socket, bring).catch(() => socket.destroy())
    })
    server.once('error', reject)
    server.listen(path, resolve)
  })
}
