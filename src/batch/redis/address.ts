/** Where a queue is and who asks for it, out of a URL and the environment. */

import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { RedisOptions } from 'ioredis'
import { SalvorError } from '../../engine/errors.js'

export interface RedisAddress {
  /** Without a password, to be told. */
  readonly name: string
  readonly options: RedisOptions
}

type Environment = Readonly<Record<string, string | undefined>>

const DEFAULT_PORT = 6379

/** The word that stands for `REDIS_URL`, which `ps` does not show. */
export const FROM_ENVIRONMENT = 'env'

function given(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value
}

/** The URL is never repeated where it is refused: it may hold a password. */
function parsed(text: string): URL {
  if (!URL.canParse(text)) throw new SalvorError('USAGE', '--queue is no URL: redis://HOST:PORT/DATABASE')
  const url = new URL(text)
  if (!['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '')
    throw new SalvorError('USAGE', '--queue takes redis://HOST:PORT/DATABASE, or rediss:// with TLS')
  return url
}

function databaseOf({ pathname }: URL): number {
  const text = pathname.replace(/^\//, '')
  if (!/^\d{0,5}$/.test(text)) throw new SalvorError('USAGE', `--queue: a database is a number, not ${text}`)
  return Number(text)
}

function decoded(text: string): string | undefined {
  try {
    return given(decodeURIComponent(text))
  } catch {
    return text
  }
}

function fileOf(what: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path)
  } catch (error) {
    throw new SalvorError('USAGE', `${what} cannot be read: ${path}`, { cause: error })
  }
}

/** `REDIS_USERNAME` and `REDIS_PASSWORD` count where the URL has none; `REDIS_CA_FILE` and the like are of TLS. */
export function redisAddress(asked: string, env: Environment, caFile?: string): RedisAddress {
  const fromEnvironment = given(env.REDIS_URL)
  if (asked === FROM_ENVIRONMENT && fromEnvironment === undefined)
    throw new SalvorError('USAGE', '--queue env: REDIS_URL is not set')
  const url = parsed(asked === FROM_ENVIRONMENT ? (fromEnvironment ?? '') : asked)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = Number(url.port || DEFAULT_PORT)
  const db = databaseOf(url)
  const username = decoded(url.username) ?? given(env.REDIS_USERNAME)
  const password = decoded(url.password) ?? given(env.REDIS_PASSWORD)
  const isSecure = url.protocol === 'rediss:'
  const files = isSecure
    ? {
        ca: fileOf('the CA of the queue', caFile ?? given(env.REDIS_CA_FILE)),
        cert: fileOf('the certificate for the queue', given(env.REDIS_CERT_FILE)),
        key: fileOf('the key for the queue', given(env.REDIS_KEY_FILE)),
      }
    : {}
  return {
    name: `${url.protocol}//${url.host}/${db}`,
    options: {
      host,
      port,
      db,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(isSecure ? { tls: { ...(isIP(host) === 0 ? { servername: host } : {}), ...defined(files) } } : {}),
    },
  }
}

function defined(files: Readonly<Record<string, Buffer | undefined>>): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(files).flatMap(([name, file]) => (file === undefined ? [] : [[name, file]])))
}
