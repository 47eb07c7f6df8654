/** The connection to a queue: fails where there is none at first, and is made again whenever it is lost later. */

import type { Redis } from 'ioredis'
import { SalvorError } from '../../engine/errors.js'
import { require } from '../../require.js'
import type { RedisAddress } from './address.js'

/** How long a server may take to come up that is not there at first. */
const FIRST_MILLISECONDS = 5_000
const LONGEST_PAUSE = 2_000
/** What a server says to whoever may not ask it. */
const REFUSED = /^(?:WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid password)/
/** What Node calls it where a certificate is not what it should be. */
const UNTRUSTED = /^(?:ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/

export interface Connection {
  readonly client: Redis
  /** Ends it, and every connection that was made after its pattern. */
  readonly close: () => void
}

/** Tells, once for each loss, that the server is away, and that it is back. */
export type Told = (message: string) => void

export async function connect({ name, options }: RedisAddress, told: Told): Promise<Connection> {
  const { Redis: Client } = require('ioredis') as typeof import('ioredis')
  const begun = Date.now()
  let state: 'first' | 'there' | 'away' | 'closed' = 'first'
  let last: Error | undefined
  const client: Redis = new Client({
    ...options,
    lazyConnect: true,
    connectionName: 'salvor',
    // Commands wait for a server that is away: what was asked of it still counts when it is back.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => {
      const over = state === 'closed' || (state === 'first' && Date.now() - begun > FIRST_MILLISECONDS)
      return over || isRefused(last) || isUntrusted(last) ? null : Math.min(times * 100, LONGEST_PAUSE)
    },
  })
  client.on('error', (error: Error) => {
    last = error
  })
  client.on('close', () => {
    if (state !== 'there') return
    state = 'away'
    told(`the queue at ${name} is away${last === undefined ? '' : `: ${last.message}`}; it is asked again`)
  })
  client.on('ready', () => {
    if (state === 'away') told(`the queue at ${name} is back`)
    state = 'there'
    last = undefined
  })
  const close = (): void => {
    state = 'closed'
    client.disconnect()
  }
  try {
    await ready(client)
    await client.ping()
  } catch (error) {
    close()
    const why = last ?? (error as Error)
    throw new SalvorError(
      isRefused(why) ? 'USAGE' : 'INTERNAL',
      `the queue at ${name} ${isRefused(why) ? 'refuses who asks' : 'cannot be reached'}: ${why.message}`,
      { cause: why },
    )
  }
  return { client, close }
}

function isRefused(error: Error | undefined): boolean {
  return error !== undefined && REFUSED.test(error.message)
}

function isUntrusted(error: NodeJS.ErrnoException | undefined): boolean {
  return UNTRUSTED.test(error?.code ?? '')
}

/** `connect` fails with the first attempt, and the connection goes on trying. */
function ready(client: Redis): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('ready', resolve)
    client.once('end', () => reject(new Error('it ended the connection')))
    client.on('error', (error: Error) => {
      if (isRefused(error)) reject(error)
    })
    client.connect().catch(() => {})
  })
}
