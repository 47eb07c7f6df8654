import type { RedisAddress } from '../batch/redis/address.js'
import { DEFAULT_QUEUE } from '../batch/redis/queued.js'
import { SalvorError } from '../engine/errors.js'
import { printable } from '../output/escape.js'
import type { Option } from './command.js'
import { singleOption } from './options.js'
import type { World } from './world.js'

type Raw = Readonly<Record<string, unknown>>

/** Of every command that uses a queue. */
export const queueOptions: readonly Option[] = [
  {
    name: 'queue',
    value: 'URL',
    summary:
      'redis://HOST:PORT/DB, rediss:// with TLS, or env: what REDIS_URL says; REDIS_PASSWORD is better kept there',
  },
  { name: 'queue-name', value: 'NAME', summary: `What the queue is called (default: ${DEFAULT_QUEUE})` },
  { name: 'queue-ca', value: 'FILE', summary: 'The certificate authority of the server (default: $REDIS_CA_FILE)' },
]

export interface QueueChoice {
  readonly address: RedisAddress
  readonly queue: string
}

/** Which queue is meant; undefined where none is. */
export async function readQueueOptions(raw: Raw, world: World): Promise<QueueChoice | undefined> {
  const asked = singleOption(raw.queue)
  if (asked === undefined) return undefined
  const queue = singleOption(raw.queueName) ?? DEFAULT_QUEUE
  if (!/^[\w.-]+$/.test(queue)) throw new SalvorError('USAGE', '--queue-name takes letters, digits, ".", "_" and "-"')
  const { redisAddress } = await import('../batch/redis/address.js')
  return { address: redisAddress(asked, world.env, singleOption(raw.queueCa)), queue }
}

/** Tells what becomes of the queue, a line each. */
export function toldTo(world: World): (message: string) => void {
  return (message) => void world.stderr.write(`${printable(`warning: ${message}`)}\n`)
}
