/** Tokens of Kubernetes' service accounts: what they say of whose they are. */

/** Longer ones are not looked at: a token of a service account has about 1 KiB. */
const LONGEST = 16_384

/** Whose a token is, as its claims say; nobody has checked its signature. */
export interface TokenOwner {
  readonly namespace: string | null
  readonly account: string | null
  readonly pod: string | null
  readonly podUid: string | null
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function part(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function claimsOf(payload: string): unknown {
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

/** The owner that a text names where it is a token of a service account, else null. */
export function tokenOwner(text: string | null): TokenOwner | null {
  if (text === null || text.length > LONGEST || !text.startsWith('eyJ')) return null
  const [, payload, signature] = text.split('.')
  if (payload === undefined || signature === undefined) return null
  const claims = claimsOf(payload)
  const about = part(claims, 'kubernetes.io')
  if (typeof about !== 'object' || about === null) {
    // Those that never expire are of a Secret and name no pod.
    const account = textOf(part(claims, 'kubernetes.io/serviceaccount/service-account.name'))
    const namespace = textOf(part(claims, 'kubernetes.io/serviceaccount/namespace'))
    return account === null ? null : { namespace, account, pod: null, podUid: null }
  }
  const [pod, account] = [part(about, 'pod'), part(about, 'serviceaccount')]
  return {
    namespace: textOf(part(about, 'namespace')),
    account: textOf(part(account, 'name')),
    pod: textOf(part(pod, 'name')),
    podUid: textOf(part(pod, 'uid')),
  }
}
