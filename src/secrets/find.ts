/**
 * Credentials in a text, by the forms that their makers gave them. What has no form of its own is one by the name that it
 * goes by. No expression here looks at a character more often than its own short bounds allow.
 */

import { type Jwt, parseJwt } from '../containers/jwt.js'

export interface Secret {
  kind: string
  /** What it is called where it stands: a variable, a key of a file. */
  name: string | null
  value: string
  /** Whose: a user, the id of the key, the subject of a token. */
  account: string | null
  jwt: Jwt | null
}

/** Of one text. */
const MOST = 1024
const LONGEST_PEM = 64 * 1024

/** Kinds by the forms of their values; what is in no other has no bound to its left or right in these. */
const FORMS: readonly (readonly [kind: string, form: RegExp])[] = [
  ['aws-access-key', /(?<![A-Za-z0-9])A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])/g],
  ['google-access-token', /(?<![A-Za-z0-9])ya29\.[A-Za-z0-9_-]{20,2048}/g],
  ['google-api-key', /(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g],
  ['azure-storage-key', /(?<=AccountKey=)[A-Za-z0-9+/]{86}==/g],
  ['github-token', /(?<![A-Za-z0-9])(?:gh[opsur]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{82})(?![A-Za-z0-9_])/g],
  ['gitlab-token', /(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20}(?![A-Za-z0-9_-])/g],
  ['slack-token', /(?<![A-Za-z0-9])xox[abprs]-[A-Za-z0-9-]{10,200}/g],
  ['npm-token', /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/g],
]

const SECRET_NAME =
  /(?:^|[_.-])(?:pass(?:word|wd|phrase)?|secret|token|credentials?|(?:api|private|access|secret|encryption|signing|auth)[_-]?key)$|_pwd$/i
const AWS_SECRET = /^[A-Za-z0-9/+]{40}$/

/** Secrets that have a form of their own, anywhere in a text. */
export function findSecrets(text: string): Secret[] {
  const found: Secret[] = [...findTokens(text), ...findKeys(text)]
  for (const [kind, form] of FORMS) {
    for (const [value] of text.matchAll(form)) {
      if (found.length >= MOST) return found
      found.push({ ...nobodys, kind, value, account: kind === 'aws-access-key' ? value : null })
    }
  }
  return found
}

const nobodys = { name: null, account: null, jwt: null }

/** Secrets in a value that has a name: those with a form, else all of it where the name says that it is one. */
export function findNamed(name: string, value: string): Secret[] {
  const found = findSecrets(value).map((secret) => ({ ...secret, name }))
  if (found.length > 0 || value.trim() === '' || !SECRET_NAME.test(name.slice(-256))) return found
  const kind =
    /aws_?secret_?(?:access_?)?key$/i.test(name.slice(-64)) && AWS_SECRET.test(value) ? 'aws-secret-key' : null
  return [{ ...nobodys, kind: kind ?? 'named', name, value }]
}

/** JSON Web Tokens: two parts that begin as JSON objects do in base64, and a third. */
function* findTokens(text: string): Generator<Secret> {
  if (!text.includes('eyJ')) return
  let count = 0
  for (const [run] of text.matchAll(/[A-Za-z0-9_.-]+/g)) {
    if (!run.includes('eyJ')) continue
    const parts = run.split('.')
    for (let index = 0; index + 2 < parts.length && count < MOST; index++) {
      const [header = '', claims = '', signature = ''] = parts.slice(index, index + 3)
      const from = header.indexOf('eyJ')
      if (from < 0 || !claims.startsWith('eyJ')) continue
      const value = `${header.slice(from)}.${claims}.${signature}`
      const jwt = parseJwt(value)
      if (jwt === null) continue
      count++
      yield { ...nobodys, kind: 'jwt', value, account: jwt.subject, jwt }
    }
  }
}

/** Private keys as PEM (RFC 7468), with their lines or, as JSON has them, with `\n` between these. */
function* findKeys(text: string): Generator<Secret> {
  let from = 0
  for (let count = 0; count < MOST; count++) {
    const start = text.indexOf('-----BEGIN ', from)
    if (start < 0) return
    from = start + 11
    const label = /^[A-Z0-9 ]{0,32}PRIVATE KEY(?=-----)/.exec(text.slice(from, from + 64))?.[0]
    if (label === undefined) continue
    const last = `-----END ${label}-----`
    const end = text.slice(start, start + LONGEST_PEM).indexOf(last)
    if (end < 0) continue
    from = start + end + last.length
    const value = text.slice(start, from).replaceAll('\\n', '\n').replaceAll('\r', '')
    yield { ...nobodys, kind: 'private-key', name: label, value }
  }
}
