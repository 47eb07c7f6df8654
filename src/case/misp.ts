/** Attributes of MISP events as indicators, by their types. */

import { type Found, type IndicatorKind, indicatorOf } from './indicator.js'

const HASHES = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha512/224', 'sha512/256']

/** Types of one value. */
const KINDS: Readonly<Record<string, IndicatorKind>> = {
  ...Object.fromEntries(HASHES.map((name) => [name, 'hash' as const])),
  'ip-src': 'address',
  'ip-dst': 'address',
  domain: 'domain',
  hostname: 'domain',
  url: 'url',
  uri: 'text',
  filename: 'file',
  'mac-address': 'mac',
  'user-agent': 'text',
  'pattern-in-memory': 'text',
  'pattern-in-file': 'text',
  'pattern-in-traffic': 'text',
  cookie: 'text',
  btc: 'text',
  xmr: 'text',
  dash: 'text',
  yara: 'yara',
}

/** Types of two values with a bar between them: the kind of each, or null where one says nothing alone. */
const PAIRS: Readonly<Record<string, readonly (IndicatorKind | null)[]>> = {
  // A file with this content may be called otherwise, and another may be called so.
  ...Object.fromEntries(HASHES.map((name) => [`filename|${name}`, [null, 'hash' as const]])),
  'malware-sample': [null, 'hash'],
  'ip-src|port': ['address', null],
  'ip-dst|port': ['address', null],
  'hostname|port': ['domain', null],
  'domain|ip': ['domain', 'address'],
}

const REASONS: Readonly<Record<string, string>> = {
  mutex: 'Linux has no mutexes with names',
  regkey: 'Linux has no registry',
  'regkey|value': 'Linux has no registry',
  port: 'a port alone',
}

interface Attribute {
  readonly type?: unknown
  readonly value?: unknown
  readonly to_ids?: unknown
  readonly deleted?: unknown
}

/** What an attribute speaks of. What is there for people alone (`to_ids`) is no indicator, and said to be none. */
export function* ofAttribute(attribute: unknown): Generator<Found> {
  const { type, value, to_ids, deleted } = (attribute ?? {}) as Attribute
  const name = String(type)
  const kinds = PAIRS[name] ?? (KINDS[name] === undefined ? undefined : [KINDS[name]])
  if (deleted === true || deleted === '1') yield { what: `attribute ${name}`, why: 'who made it has deleted it' }
  else if (kinds === undefined) {
    const why = to_ids === false ? 'it is for people to read' : (REASONS[name] ?? 'no table has it')
    yield { what: `attribute ${name}`, why }
  } else if (typeof value !== 'string' || value === '') yield { what: `attribute ${name}`, why: 'it has no value' }
  else {
    const parts = kinds.length === 1 ? [value] : value.split('|')
    for (const [at, kind] of kinds.entries()) {
      const part = parts[at] ?? ''
      if (kind !== null && part !== '') yield indicatorOf(`attribute ${name}`, kind, part)
    }
  }
}
