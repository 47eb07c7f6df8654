/** Patterns of STIX 2.1 as indicators: each comparison by itself, whatever stands between them. */

import { type Found, type IndicatorKind, indicatorOf, NO_NAMES } from './indicator.js'

/** Of what a pattern speaks, by the object and the path of its property, without what follows in it. */
const KINDS: readonly (readonly [RegExp, IndicatorKind])[] = [
  [/^(?:file|artifact):(?:.*\.)?hashes\b/, 'hash'],
  [/^ipv[46]-addr:value$|^network-traffic:(?:src|dst)_ref\.value$|^domain-name:resolves_to_refs/, 'address'],
  [/^domain-name:value$/, 'domain'],
  [/^url:value$/, 'url'],
  [/^mac-addr:value$/, 'mac'],
  [/^process:(?:command_line|arguments)\b/, 'command'],
  [/^process:cwd$|^file:path$|^process:binary_ref\.path$/, 'path'],
  [/^(?:file|process):name$|^process:(?:image|binary)_ref\.name$/, 'file'],
  [/^file:parent_directory_ref\.path$|^directory:path$/, 'directory'],
  [/^process:environment_variables\b|^network-traffic:extensions\.'http-request-ext'/, 'text'],
  [/^user-account:user_id$|^process:creator_user_ref\.user_id$/, 'user'],
  [/^user-account:credential$/, 'token'],
]

/** Why an object of which no table has anything cannot be found, where that is not plain. */
const REASONS: Readonly<Record<string, string>> = {
  mutex: 'Linux has no mutexes with names',
  'windows-registry-key': 'Linux has no registry',
  'user-account': NO_NAMES,
  'x509-certificate': 'no table has certificates by their hashes or names',
  process: 'a number of one boot, or of no column',
  'network-traffic': 'a port or protocol alone',
}
const NO_TABLE = 'no table has it'

const OBSERVABLES: ReadonlySet<string> = new Set([
  'artifact',
  'autonomous-system',
  'directory',
  'domain-name',
  'email-addr',
  'email-message',
  'file',
  'ipv4-addr',
  'ipv6-addr',
  'mac-addr',
  'mutex',
  'network-traffic',
  'process',
  'software',
  'url',
  'user-account',
  'windows-registry-key',
  'x509-certificate',
])

/** Whether objects of a type are what was observed. */
export function isObservable(type: string): boolean {
  return OBSERVABLES.has(type)
}

/** A path of an object's property, what compares it, and with what. Quoted parts may hold anything. */
const COMPARISON =
  /([a-z0-9-]+:(?:[\w.[\]*-]|'(?:[^'\\]|\\.)*')+)\s*(NOT\s+)?(=|!=|<=?|>=?|IN|LIKE|MATCHES|ISSUBSET|ISSUPERSET)\s*(\((?:[^')]|'(?:[^'\\]|\\.)*')*\)|[a-z]?'(?:[^'\\]|\\.)*'|[\w.+-]+)/g
/** A text on its own, so that what stands in one is not taken for a comparison. */
const TEXT = /[a-z]?'((?:[^'\\]|\\.)*)'|[^\s(),]+/g

function valuesOf(constant: string): string[] {
  return [...constant.matchAll(TEXT)].map(([whole, text]) => text?.replace(/\\(.)/g, '$1') ?? whole)
}

/** What a pattern speaks of. Nothing of it is left out: what cannot be looked for is said. */
export function* ofPattern(pattern: string): Generator<Found> {
  let any = false
  for (const [, path = '', not, operator = '', constant = ''] of pattern.matchAll(COMPARISON)) {
    any = true
    const kind = KINDS.find(([form]) => form.test(path))?.[1]
    const known = operator === '=' || operator === 'IN' || (operator === 'ISSUBSET' && kind === 'address')
    if (kind === undefined) yield { what: path, why: REASONS[path.split(':')[0] ?? ''] ?? NO_TABLE }
    else if (not !== undefined || !known)
      yield { what: path, why: `compared by ${not === undefined ? operator : `NOT ${operator}`}` }
    else for (const value of valuesOf(constant)) if (value !== '') yield indicatorOf(path, kind, value)
  }
  if (!any) yield { what: 'pattern', why: 'it compares nothing that is understood' }
}
