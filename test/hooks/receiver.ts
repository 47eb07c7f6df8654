/** A server of one's own that hears of events, and answers as told. */

import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Heard {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly at: number
}

export interface Receiver {
  readonly url: string
  readonly heard: readonly Heard[]
  readonly stop: () => Promise<void>
}

/** `answer` gives the status of the Nth request, or null for none at all. */
export async function startReceiver(
  answer: (count: number) => number | null = () => 204,
  headers: Readonly<Record<string, string>> = {},
): Promise<Receiver> {
  const heard: Heard[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text) => {
      body += text
    })
    request.on('end', () => {
      heard.push({ headers: request.headers, body, at: performance.now() })
      const status = answer(heard.length)
      if (status !== null) response.writeHead(status, headers).end('x'.repeat(100_000))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hidden-path`,
    heard,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
