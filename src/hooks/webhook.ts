/** Events by HTTP, signed as Standard Webhooks has it (standardwebhooks.com), so that receivers need nothing of their own. */

import { setTimeout as sleep } from 'node:timers/promises'
import { SalvorError } from '../engine/errors.js'
import { require } from '../require.js'
import type { Delivery, Hook } from './hooks.js'

export interface WebhookSettings {
  readonly url: string
  /** What signatures are made with; without it there are none. */
  readonly key?: string
  /** Milliseconds that an attempt may take. */
  readonly timeout: number
  /** Milliseconds before the second attempt; each pause is twice the one before. */
  readonly firstPause?: number
}

const MOST_ATTEMPTS = 5
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 30_000
/** Answers after which another attempt may have a better one: timeouts and rates, and what is wrong over there. */
const TRY_AGAIN = new Set([408, 425, 429])
const BASE64_KEY = 'whsec_'

class Refused extends Error {
  constructor(
    message: string,
    readonly isFinal: boolean,
    /** Milliseconds that the server asks to be left alone. */
    readonly pause?: number,
  ) {
    super(message)
  }
}

/** The URL is not repeated where it is refused: it may hold a secret. */
function parsed(text: string): URL {
  if (!URL.canParse(text)) throw new SalvorError('USAGE', '--hook: it is no URL: https://HOST/PATH')
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    throw new SalvorError('USAGE', '--hook takes no password in a URL: sign with SALVOR_HOOK_KEY instead')
  return url
}

function keyBytes(key: string): Buffer {
  return key.startsWith(BASE64_KEY) ? Buffer.from(key.slice(BASE64_KEY.length), 'base64') : Buffer.from(key)
}

function signature(key: string, signed: string): string {
  const { createHmac } = require('node:crypto') as typeof import('node:crypto')
  return `v1,${createHmac('sha256', keyBytes(key)).update(signed).digest('base64')}`
}

export function webhook({ url: text, key, timeout, firstPause = FIRST_PAUSE }: WebhookSettings): Hook {
  const url = parsed(text)

  async function attempt({ id, body }: Delivery, signal: AbortSignal): Promise<void> {
    // A second attempt is the same message at another time.
    const timestamp = String(Math.floor(Date.now() / 1000))
    const signed = key === undefined ? {} : { 'webhook-signature': signature(key, `${id}.${timestamp}.${body}`) }
    const response = await fetch(url, {
      method: 'POST',
      // What is meant for one server goes to no other.
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'salvor',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        ...signed,
      },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
    })
    await response.body?.cancel().catch(() => {})
    if (response.ok) return
    const { status } = response
    const pause = Number(response.headers.get('retry-after')) * 1000
    throw new Refused(`it answers ${status}`, !TRY_AGAIN.has(status) && status < 500, pause > 0 ? pause : undefined)
  }

  return {
    // A path may be a secret, as Slack's is.
    name: url.origin,
    deliver: async (delivery, signal) => {
      for (let attempts = 1; ; attempts++) {
        try {
          return await attempt(delivery, signal)
        } catch (error) {
          signal.throwIfAborted()
          const final = error instanceof Refused && error.isFinal
          if (final || attempts >= MOST_ATTEMPTS) throw new Error(`${reasonOf(error, timeout)} (attempt ${attempts})`)
          const asked = error instanceof Refused ? error.pause : undefined
          const pause = Math.min(asked ?? firstPause * 2 ** (attempts - 1), LONGEST_PAUSE)
          await sleep(pause, undefined, { signal })
        }
      }
    },
  }
}

function reasonOf(error: unknown, timeout: number): string {
  const { name, message, cause } = error as Error & { cause?: Error & { code?: string } }
  if (name === 'TimeoutError') return `it gave no answer within ${timeout / 1000} seconds`
  return cause === undefined ? message : cause.message || cause.code || message
}
