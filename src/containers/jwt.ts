/**
 * JSON Web Tokens (RFC 7519) as Kubernetes makes them for service accounts. Nobody here can check a signature: what a token
 * says of itself is what whoever wrote it wanted it to say.
 */

import { field, integer, parseObject, text, texts } from './json.js'
import { isoFromNanoseconds } from './time.js'

export interface Jwt {
  algorithm: string
  key_id: string | null
  claims: object
  issuer: string | null
  audiences: string[]
  subject: string | null
  issued: string | null
  expires: string | null
}

/** What the API server says of the account that a token is for; null where it says nothing of it. */
export interface ServiceAccount {
  namespace: string | null
  account: string | null
  pod: string | null
  pod_uid: string | null
  node: string | null
}

const LONGEST = 16 * 1024
const shape = /^[A-Za-z0-9_-]{4,4096}\.[A-Za-z0-9_-]{4,12288}\.[A-Za-z0-9_-]{0,4096}$/

/** Null unless the text is one token and nothing else, with an algorithm and claims. */
export function parseJwt(token: string): Jwt | null {
  if (token.length > LONGEST || !shape.test(token)) return null
  const [header, claims] = token
    .split('.', 2)
    .map((part) => parseObject(Buffer.from(part, 'base64url').toString(), 'token').value)
  const algorithm = text(header, 'alg')
  if (algorithm === null || claims == null || Array.isArray(claims)) return null
  const audience = text(claims, 'aud')
  return {
    algorithm,
    key_id: text(header, 'kid'),
    claims,
    issuer: text(claims, 'iss'),
    audiences: audience === null ? texts(claims, 'aud') : [audience],
    subject: text(claims, 'sub'),
    issued: fromSeconds(integer(claims, 'iat')),
    expires: fromSeconds(integer(claims, 'exp')),
  }
}

/** Of a bound token, of 1.21 and later, or of one that a Secret holds for ever. */
export function serviceAccountOf({ claims }: Jwt): ServiceAccount | null {
  const bound = field(claims, 'kubernetes.io')
  const secret = (name: string): string | null => text(claims, `kubernetes.io/serviceaccount/${name}`)
  const account = text(bound, 'serviceaccount', 'name') ?? secret('service-account.name')
  const namespace = text(bound, 'namespace') ?? secret('namespace')
  if (account === null && namespace === null) return null
  return {
    namespace,
    account,
    pod: text(bound, 'pod', 'name'),
    pod_uid: text(bound, 'pod', 'uid'),
    node: text(bound, 'node', 'name'),
  }
}

function fromSeconds(seconds: number | null): string | null {
  return seconds === null ? null : isoFromNanoseconds(BigInt(seconds) * 1_000_000_000n)
}
