/** What a bucket's server, or the way to it, has against a request. */

import { SalvorError } from '../../engine/errors.js'

const DENIED =
  'permission denied: s3:GetObject and s3:ListBucket are needed, and for results s3:PutObject and s3:DeleteObject'

/** That an object is another than the one that was looked at. */
export const CHANGED = 'PreconditionFailed'
/** That a server gave all of an object for a part of it. */
export const NO_RANGES = 'NoRanges'

/** Names of errors as servers and the library have them, in the words of whoever has to do something about it. */
const SAID: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket',
  NoSuchKey: 'there is no such object',
  NotFound: 'there is no such object',
  NoSuchVersion: 'there is no such version of it any more',
  AccessDenied: DENIED,
  Forbidden: DENIED,
  AccountProblem: 'permission denied: the account is not usable',
  InvalidAccessKeyId: 'the access key is not known there',
  SignatureDoesNotMatch: 'the secret key is wrong',
  AuthorizationHeaderMalformed: 'the region is wrong: set AWS_REGION',
  PermanentRedirect: 'the bucket is in another region: set AWS_REGION',
  ExpiredToken: 'the credentials have expired',
  ExpiredTokenException: 'the credentials have expired',
  InvalidToken: 'the session token is not valid',
  RequestTimeTooSkewed: "this machine's clock is wrong",
  CredentialsProviderError: 'there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
  [CHANGED]: 'it changed while it was read: the same command again reads it as it is now',
  [NO_RANGES]: 'the server cannot give a part of it: download it, and name the file',
  InvalidObjectState: 'it is archived: restore it first',
  InvalidRange: 'it is empty, or shorter than it was',
}

/** Errors that another try does not mend. */
export function isFinal(error: unknown): boolean {
  if (error instanceof SalvorError) return true
  const { name = '', status } = factsOf(error)
  return name in SAID || (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429)
}

/** Whether something that is asked for is not there. */
export function isMissing(error: unknown): boolean {
  const { name = '' } = factsOf((error as Error).cause ?? error)
  return ['NoSuchKey', 'NotFound', 'NoSuchVersion', 'NoSuchBucket'].includes(name)
}

/** Whether a server understood what is asked for and does not give it: there is no right to it, or it does not have that. */
export function isRefused(error: unknown): boolean {
  const { status } = factsOf(error)
  return status === 501 || (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429)
}

/** Whether not even the bucket is there. */
export function isMissingBucket(error: unknown): boolean {
  return factsOf((error as Error).cause ?? error).name === 'NoSuchBucket'
}

/** Whether there is no right to what is asked for. */
export function isDenied(error: unknown): boolean {
  return factsOf((error as Error).cause ?? error).status === 403
}

/** Whether a server gives no parts of objects. */
export function isWithoutRanges(error: unknown): boolean {
  return factsOf((error as Error).cause ?? error).name === NO_RANGES
}

/** Whether another object was put in the place of one while it was read. */
export function isChanged(error: unknown): boolean {
  return factsOf((error as Error).cause ?? error).name === CHANGED
}

interface Facts {
  readonly name?: string
  readonly code?: string
  readonly message: string
  readonly status?: number
}

function factsOf(error: unknown): Facts {
  const { name, code, message, $metadata } = error as Error & {
    code?: string
    $metadata?: { httpStatusCode?: number }
  }
  const status = $metadata?.httpStatusCode
  return {
    message: message ?? String(error),
    ...(name === undefined ? {} : { name }),
    ...(code === undefined ? {} : { code }),
    ...(status === undefined ? {} : { status }),
  }
}

const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'])

/** What a connection says that ends in the middle of something. */
const BROKEN = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'])

/** What is wrong where neither the server nor the library has a name for it. */
function nameless({ name = '', code = '', message }: Facts): string {
  if (message === 'Region is missing') return 'no region is set: AWS_REGION, or a profile that has one'
  if (UNREACHABLE.has(code) || name === 'TimeoutError') return 'the server cannot be reached'
  return BROKEN.has(code) ? 'the connection breaks off' : 'it cannot be read'
}

/** One line for the user, which names what was asked for and no secret. */
export function s3Failure(name: string, error: unknown): SalvorError {
  if (error instanceof SalvorError) return error
  const facts = factsOf(error)
  const { name: kind = '', code = '', message, status } = facts
  const said = SAID[kind] ?? (status === 403 ? SAID.Forbidden : undefined)
  const [line = ''] = message.split('\n')
  const reason = said ?? `${nameless(facts)}: ${line || kind || code}`
  return new SalvorError('EVIDENCE', `${name}: ${reason}`, { cause: error })
}
