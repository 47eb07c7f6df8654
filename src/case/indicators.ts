/** What is hunted for: single indicators, and those of STIX 2.1 bundles, MISP events and plain lists. */

import { readFileSync } from 'node:fs'
import { SalvorError } from '../engine/errors.js'

export const indicatorKinds = ['hash', 'address', 'path', 'command', 'image', 'token', 'text'] as const
export type IndicatorKind = (typeof indicatorKinds)[number]

export interface Indicator {
  readonly kind: IndicatorKind
  readonly value: string
}

const HASH = /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})$/i
const IPV4 = /^(?:\d{1,3}\.){3}\d{1,3}$/
const IPV6 = /^(?=.*:.*:)[0-9a-f:.]+$/i
const IMAGE = /^[\w.-]+(?::\d+)?(?:\/[\w.-]+)+(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?$/
const TOKEN = /^(?:eyJ[\w-]+\.[\w-]+\.[\w-]*|AKIA[0-9A-Z]{16}|gh[pousr]_\w{20,}|xox[abp]-[\w-]+)$/

/** The kind of an indicator that nobody named one for. */
export function kindOf(value: string): IndicatorKind {
  if (HASH.test(value)) return 'hash'
  if (IPV4.test(value) || IPV6.test(value)) return 'address'
  if (value.startsWith('/')) return 'path'
  if (TOKEN.test(value)) return 'token'
  if (IMAGE.test(value) && /[:@]/.test(value)) return 'image'
  return value.includes(' ') ? 'command' : 'text'
}

/** `KIND=VALUE`, or a value whose kind can be seen. */
export function readIndicator(word: string): Indicator {
  const [, kind, value] = /^(\w+)=(.+)$/s.exec(word) ?? []
  const known = indicatorKinds.find((name) => name === kind)
  if (known !== undefined && value !== undefined) return { kind: known, value }
  return { kind: kindOf(word), value: word }
}

const STIX_KINDS: readonly (readonly [RegExp, IndicatorKind])[] = [
  [/^file:hashes/, 'hash'],
  [/^(?:ipv[46]-addr|network-traffic):/, 'address'],
  [/^domain-name:|^url:/, 'text'],
  [/^process:command_line/, 'command'],
  [/^file:name/, 'text'],
  [/^file:parent_directory_ref|^directory:path/, 'path'],
]

/** Comparisons `object:path = 'value'` of a STIX pattern, whatever is between them. */
function ofPattern(pattern: string): Indicator[] {
  return [...pattern.matchAll(/([a-z0-9-]+:[\w.'-]+)\s*=\s*'((?:[^'\\]|\\.)*)'/g)].flatMap(
    ([, path = '', text = '']) => {
      const kind = STIX_KINDS.find(([prefix]) => prefix.test(path))?.[1]
      const value = text.replace(/\\(.)/g, '$1')
      return kind === undefined || value === '' ? [] : { kind, value }
    },
  )
}

const MISP_KINDS: Readonly<Record<string, IndicatorKind>> = {
  md5: 'hash',
  sha1: 'hash',
  sha256: 'hash',
  sha512: 'hash',
  'ip-src': 'address',
  'ip-dst': 'address',
  'ip-src|port': 'address',
  'ip-dst|port': 'address',
  domain: 'text',
  hostname: 'text',
  url: 'text',
  filename: 'text',
  'filename|sha256': 'hash',
  'filename|sha1': 'hash',
  'filename|md5': 'hash',
}

interface Attribute {
  readonly type?: unknown
  readonly value?: unknown
}

function ofAttribute({ type, value }: Attribute): Indicator[] {
  const kind = MISP_KINDS[String(type)]
  if (kind === undefined || typeof value !== 'string') return []
  const parts = value.split('|')
  const wanted = String(type).startsWith('filename|') ? parts.at(-1) : parts[0]
  return wanted === undefined || wanted === '' ? [] : [{ kind, value: wanted }]
}

/** Everything in a document that is an indicator, at any depth. */
function* walk(node: unknown): Generator<Indicator> {
  if (Array.isArray(node)) for (const item of node) yield* walk(item)
  else if (typeof node === 'object' && node !== null) {
    const { type, pattern, pattern_type, Attribute } = node as Readonly<Record<string, unknown>>
    if (type === 'indicator' && typeof pattern === 'string' && (pattern_type ?? 'stix') === 'stix')
      yield* ofPattern(pattern)
    if (Array.isArray(Attribute)) for (const attribute of Attribute) yield* ofAttribute(attribute as Attribute)
    for (const inner of Object.values(node)) yield* walk(inner)
  }
}

function distinct(indicators: Iterable<Indicator>): Indicator[] {
  return [...new Map([...indicators].map((indicator) => [JSON.stringify(indicator), indicator])).values()]
}

/** A list of indicators: a STIX bundle, a MISP event, or one a line with # before remarks. */
export function readList(path: string): Indicator[] {
  const text = readFileSync(path, 'utf8')
  if (!/^\s*[{[]/.test(text)) {
    const lines = text.split(/\r?\n/).map((line) => line.trim())
    return distinct(lines.filter((line) => line !== '' && !line.startsWith('#')).map(readIndicator))
  }
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (error) {
    throw new SalvorError('USAGE', `${path} is neither JSON nor a list`, { cause: error })
  }
  const found = distinct(walk(document))
  if (found.length === 0)
    throw new SalvorError('USAGE', `${path} has no STIX pattern or MISP attribute that can be hunted`)
  return found
}
