/** One indicator: what it is, and what it is taken for where nobody says so. */

import { isIP } from 'node:net'
import { SalvorError } from '../engine/errors.js'

export const indicatorKinds = [
  'hash',
  'address',
  'network',
  'domain',
  'url',
  'path',
  'directory',
  'file',
  'command',
  'image',
  'token',
  'mac',
  'user',
  'text',
  'yara',
] as const
export type IndicatorKind = (typeof indicatorKinds)[number]

export interface Indicator {
  readonly kind: IndicatorKind
  /** Of the kind yara the text of rules. */
  readonly value: string
}

/** An indicator that no table of a case can answer. */
export interface Unsearched {
  /** What kind of thing it is, in the words of the list. */
  readonly what: string
  readonly why: string
}

const HASH = /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/i
const IMAGE = /^[\w.-]+(?::\d+)?(?:\/[\w.-]+)+(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?$/
const TOKEN = /^(?:eyJ[\w-]+\.[\w-]+\.[\w-]*|AKIA[0-9A-Z]{16}|gh[pousr]_\w{20,}|xox[abp]-[\w-]+)$/
const MAC = /^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i
const URL = /^[a-z][a-z0-9+.-]*:\/\/\S+$/i

/** A network and the bits of its prefix; null where the text is none. */
export function networkOf(value: string): { readonly address: string; readonly bits: number } | null {
  const [, address = '', digits = ''] = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(value) ?? []
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return digits !== '' && Number(digits) <= most ? { address, bits: Number(digits) } : null
}

/** The kind of an indicator that nobody named one for. */
export function kindOf(value: string): IndicatorKind {
  if (HASH.test(value)) return 'hash'
  if (MAC.test(value)) return 'mac'
  if (isIP(value) !== 0) return 'address'
  if (networkOf(value) !== null) return 'network'
  if (value.startsWith('/')) return 'path'
  if (URL.test(value)) return 'url'
  if (TOKEN.test(value)) return 'token'
  if (IMAGE.test(value) && /[:@]/.test(value)) return 'image'
  return value.includes(' ') ? 'command' : 'text'
}

/** `KIND=VALUE`, or a value whose kind can be seen. */
export function readIndicator(word: string): Indicator {
  // Of a variable that a shell has not set: it would be found in everything.
  if (word.trim() === '') throw new SalvorError('USAGE', 'an indicator is empty')
  const [, kind, value] = /^(\w+)=(.*)$/s.exec(word) ?? []
  if (kind === 'yara') throw new SalvorError('USAGE', 'YARA rules are given as files: --yara FILE')
  const known = indicatorKinds.find((name) => name === kind)
  if (known !== undefined && value?.trim() === '') throw new SalvorError('USAGE', `${word}: an indicator is empty`)
  if (known === undefined || value === undefined) return { kind: kindOf(word), value: word }
  const found = indicatorOf(word, known, value)
  if ('why' in found) throw new SalvorError('USAGE', `${word}: ${found.why}`)
  return found
}

/** Digits of a user's number. */
const USER = /^\d{1,10}$/

/** A value that is said to be of a kind; what its value shows that it is, where that is another; why it is none. */
export function indicatorOf(what: string, kind: IndicatorKind, value: string): Found {
  if (kind === 'hash' && !HASH.test(value)) return { what, why: 'no table has hashes of this kind' }
  if (kind === 'user' && !USER.test(value)) return { what, why: NO_NAMES }
  if (kind === 'address' && networkOf(value) !== null) return { kind: 'network', value }
  if (kind === 'network' && networkOf(value) === null) return { what, why: 'it is no ADDRESS/BITS' }
  if (kind === 'file' && value.includes('/')) return { kind: 'path', value }
  return { kind, value }
}

export const NO_NAMES = 'tables have the numbers of users, and no names'

export type Found = Indicator | Unsearched
