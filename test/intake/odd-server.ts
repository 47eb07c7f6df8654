/** A server of one object that does not do what S3 says. */

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * What is wrong with an answer: the right has gone; it ends before all of it is there; it is of another object, by a server
 * that knows no conditions; or it is all of the object, by one that knows no ranges.
 */
export type Oddity = 'denied' | 'short' | 'another' | 'whole'

export interface OddServer {
  readonly url: string
  readonly requests: () => number
  readonly stop: () => Promise<void>
}

const ETAG = '"5d41402abc4b2a76b9719d911017c592"'
const DENIED = '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'

interface Odd {
  readonly from: number
  readonly oddity: Oddity
  /** Which version of the object it says that it has, and gives to nobody who asks for it by name. */
  readonly version?: string
}

/** Serves a body, from some request on with an oddity. */
export async function startOdd(body: Buffer, { from, oddity, version }: Odd): Promise<OddServer> {
  let requests = 0
  const give = (response: ServerResponse, range: string | undefined, odd: Oddity | undefined): void => {
    if (odd === 'denied') return void response.writeHead(403, { 'content-type': 'application/xml' }).end(DENIED)
    const [, first = '0', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
    const whole = odd === 'whole' || range === undefined
    const start = whole ? 0 : Number(first)
    const end = whole || last === '' ? body.length : Number(last) + 1
    response.writeHead(whole ? 200 : 206, {
      etag: odd === 'another' ? '"7d793037a0760186574b0282f2f435e7"' : ETAG,
      'content-length': end - start,
      ...(version === undefined ? {} : { 'x-amz-version-id': version }),
      'last-modified': 'Mon, 30 Nov 2026 12:00:00 GMT',
      ...(whole ? {} : { 'content-range': `bytes ${start}-${end - 1}/${body.length}` }),
    })
    const bytes = body.subarray(start, end)
    if (odd !== 'short') return void response.end(bytes)
    response.write(bytes.subarray(0, bytes.length / 2))
    setTimeout(() => response.destroy(), 20)
  }
  const server = createServer((request, response) => {
    requests++
    const isDenied = version !== undefined && request.url?.includes('versionId=')
    give(response, request.headers.range, isDenied ? 'denied' : requests >= from ? oddity : undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
