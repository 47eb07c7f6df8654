/** A way to a server that breaks off: connections of a proxy that end in the middle of what the server sends. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

interface Cutting {
  /** Bytes of a connection after which it ends. */
  readonly after: number
  /** How many connections end so; all without it. */
  readonly most?: number
  /** What happens before a connection ends. */
  readonly cut?: () => unknown
}

export interface CuttingProxy {
  readonly url: string
  readonly cuts: () => number
  readonly stop: () => Promise<void>
}

export async function startCutting(
  to: number,
  { after, most = Number.POSITIVE_INFINITY, cut }: Cutting,
): Promise<CuttingProxy> {
  let cuts = 0
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1')
    let sent = 0
    let isCut = false
    const end = (): void => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', end).on('close', () => {
        open.delete(socket)
        end()
      })
    }
    client.on('data', (piece) => upstream.write(piece))
    upstream.on('data', (piece) => {
      if (isCut) return
      sent += piece.length
      if (sent <= after || cuts >= most) return void client.write(piece)
      isCut = true
      cuts++
      void Promise.resolve(cut?.()).then(() => client.end(piece.subarray(0, 1), end))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cuts: () => cuts,
    stop: async () => {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
