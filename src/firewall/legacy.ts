/**
 * The entries of a table of x_tables as rules: struct ipt_entry and ip6t_entry, with xt_entry_match and xt_entry_target in
 * them (include/uapi/linux/netfilter/x_tables.h, netfilter_ipv4/ip_tables.h, netfilter_ipv6/ip6_tables.h).
 */

import type { Extensions, XtTable } from '../kernel/xtables.js'
import { type Family, Struct } from './bytes.js'
import { type Header, type Line, lineOf } from './iptables-line.js'
import { matchWords } from './xt-matches.js'
import type { SetName } from './xt-sets.js'
import { targetWords } from './xt-targets.js'

/** Where an entry has its parts: the header first, matches behind `size`. */
const ENTRIES: Readonly<Record<Family, { size: number; target: number; next: number; counters: number }>> = {
  ip: { size: 112, target: 88, next: 90, counters: 96 },
  ip6: { size: 168, target: 140, next: 142, counters: 152 },
}
/** Where a header has its parts. */
const HEADERS = {
  ip: { address: 4, masks: 8, interfaces: 16, protocol: 80, flags: 82, inverts: 83, goto: 2 },
  ip6: { address: 16, masks: 32, interfaces: 64, protocol: 128, flags: 131, inverts: 132, goto: 4 },
} as const
/** Bytes before a match's or target's own data. */
const EXTENSION = 32
const IFNAMSIZ = 16
const CHAINS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']
/** What heads a chain of the user's, and ends the table. */
const ERROR = 'ERROR'
/** Verdicts of a standard target, which are below zero: -NF_DROP - 1 and so on, and XT_RETURN. */
const VERDICTS: Readonly<Record<number, string>> = { [-1]: 'DROP', [-2]: 'ACCEPT', [-4]: 'QUEUE', [-5]: 'RETURN' }

/** A match or target: the address of what the kernel calls, and what that is told. */
interface Part {
  extension: bigint
  info: Uint8Array
}

/** An entry. */
interface Entry {
  offset: number
  next: number
  header: Struct
  matches: Part[]
  target: Part
}

/** A rule of a table. */
export interface LegacyRule extends Line {
  chain: string
  /** Whether the kernel itself enters the chain. */
  isBuiltin: boolean
  policy: string | null
  /** From 1 on. */
  rule: number
  /** From the first entry, in bytes. */
  offset: number
  /** Where its counters are, from the first entry. */
  counters: number
}

/** All of a blob's entries; `isWhole` is false where it ends in something that is none. */
export function entriesOf(blob: Uint8Array, family: Family): { entries: Entry[]; isWhole: boolean } {
  const at = ENTRIES[family]
  const all = new Struct(blob)
  const entries: Entry[] = []
  let offset = 0
  while (offset < blob.length) {
    const [target, next] = [all.u16(offset + at.target), all.u16(offset + at.next)]
    const fits = target >= at.size && next >= target + EXTENSION && offset + next <= blob.length
    const matches = fits ? matchesOf(all, offset + at.size, offset + target) : null
    if (matches === null) return { entries, isWhole: false }
    const action = part(all, offset + target, next - target)
    entries.push({
      offset,
      next: offset + next,
      header: new Struct(all.part(offset, at.size)),
      matches,
      target: action,
    })
    offset += next
  }
  return { entries, isWhole: true }
}

function matchesOf(all: Struct, from: number, to: number): Part[] | null {
  const matches: Part[] = []
  for (let at = from; at < to; ) {
    const size = all.u16(at)
    if (size < EXTENSION || at + size > to) return null
    matches.push(part(all, at, size))
    at += size
  }
  return matches
}

function part(all: Struct, at: number, size: number): Part {
  const extension = BigInt(all.u32(at + 8)) + (BigInt(all.u32(at + 12)) << 32n)
  return { extension, info: all.part(at + EXTENSION, size - EXTENSION) }
}

/** Addresses of the matches or targets that entries name. */
export function extensionsOf(entries: readonly Entry[], what: 'match' | 'target'): bigint[] {
  return entries.flatMap(({ matches, target }) =>
    (what === 'target' ? [target] : matches).map(({ extension }) => extension),
  )
}

/** A table's rules: chains that hooks enter end at their policy, those of users at the head of the next. */
export function legacyRules(
  table: XtTable,
  entries: readonly Entry[],
  matches: Extensions,
  targets: Extensions,
  setName?: SetName,
): LegacyRule[] {
  const isHead = ({ target }: Entry) => targets.get(target.extension)?.name === ERROR
  const starts = new Map(
    CHAINS.flatMap((name, hook) =>
      (table.hooks >> hook) & 1 ? [[table.starts[hook] ?? -1, { name, hook }] as const] : [],
    ),
  )
  const heads = new Map(entries.filter(isHead).map(({ next, target }) => [next, new Struct(target.info).text(0, 30)]))
  const chainAt = (offset: number) => heads.get(offset) ?? starts.get(offset)?.name ?? null
  const rules: LegacyRule[] = []
  let chain: { name: string; end: number | null; own: Entry[] } | null = null
  const close = () => {
    if (chain === null) return
    const { name, end, own } = chain
    const isBuiltin = end !== null
    const policy = own.at(-1)
    // A user's chain ends in what returns from it.
    const words = own.slice(0, -1).map((entry, at) => ({
      ...worded(table.family, name, entry, { matches, targets, chainAt, setName }),
      ...{
        chain: name,
        isBuiltin,
        rule: at + 1,
        offset: entry.offset,
        counters: entry.offset + ENTRIES[table.family].counters,
      },
      policy: isBuiltin && policy !== undefined ? (VERDICTS[verdictOf(policy)]?.toLowerCase() ?? null) : null,
    }))
    rules.push(...words)
    chain = null
  }
  for (const entry of entries) {
    const builtin = starts.get(entry.offset)
    if (isHead(entry) || builtin !== undefined) close()
    if (isHead(entry)) chain = { name: heads.get(entry.next) ?? '?', end: null, own: [] }
    else {
      if (builtin !== undefined) chain = { name: builtin.name, end: table.policies[builtin.hook] ?? -1, own: [] }
      chain?.own.push(entry)
    }
    if (chain !== null && chain.end === entry.offset) close()
  }
  return rules
}

function verdictOf({ target }: Entry): number {
  return new Struct(target.info).u32(0) | 0
}

/** What numbers and addresses in entries are called. */
interface Called {
  matches: Extensions
  targets: Extensions
  chainAt: (offset: number) => string | null
  setName: SetName | undefined
}

function worded(family: Family, chain: string, entry: Entry, called: Called): Line {
  const { matches, setName } = called
  const words = entry.matches.map(({ extension, info }) => {
    const { name, revision } = matches.get(extension) ?? { name: null, revision: null }
    return matchWords(name ?? '?', revision ?? 0, new Struct(info), family, setName)
  })
  return lineOf(chain, headerOf(entry.header, family), words, targetOf(family, entry, called))
}

function targetOf(family: Family, entry: Entry, { targets, chainAt, setName }: Called): string[] {
  const { name, revision } = targets.get(entry.target.extension) ?? { name: null, revision: null }
  if (name !== '') return targetWords(name ?? '?', revision ?? 0, entry.target.info, family, setName)
  const verdict = verdictOf(entry)
  // To go on with what follows is to have no target.
  if (verdict === entry.next) return []
  const { flags, goto } = HEADERS[family]
  const isGoto = verdict >= 0 && (entry.header.u8(flags) & goto) !== 0
  return [isGoto ? '-g' : '-j', verdict < 0 ? (VERDICTS[verdict] ?? `${verdict}`) : (chainAt(verdict) ?? '?')]
}

/** IPT_INV_VIA_IN and so on, which IPv6 has too. */
const INVERTS = { in: 1, out: 2, source: 8, destination: 16, fragment: 32, protocol: 64 }
const FRAGMENT = 1

function headerOf(header: Struct, family: Family): Header {
  const at = HEADERS[family]
  const inverts = header.u8(at.inverts)
  const not = (what: keyof typeof INVERTS) => (inverts & INVERTS[what]) !== 0
  const network = (what: 'source' | 'destination', which: number) => {
    const mask = header.part(at.masks + which * at.address, at.address)
    const isAsked = mask.some((byte) => byte !== 0) || not(what)
    return isAsked ? { [what]: { address: header.part(which * at.address, at.address), mask, not: not(what) } } : {}
  }
  const device = (what: 'in' | 'out', which: number) => {
    const name = header.part(at.interfaces + which * IFNAMSIZ, IFNAMSIZ)
    const mask = header.part(at.interfaces + (2 + which) * IFNAMSIZ, IFNAMSIZ)
    return mask[0] === 0 ? {} : { [what]: { name: deviceName(name, mask), not: not(what) } }
  }
  const protocol = header.u16(at.protocol)
  return {
    ...network('source', 0),
    ...network('destination', 1),
    ...device('in', 0),
    ...device('out', 1),
    ...(protocol === 0 ? {} : { protocol: { number: protocol, not: not('protocol') } }),
    ...(family === 'ip' && header.u8(at.flags) & FRAGMENT ? { fragment: { not: not('fragment') } } : {}),
  }
}

/** A name whose NUL is not compared is the beginning of many. */
function deviceName(name: Uint8Array, mask: Uint8Array): string {
  const compared = mask.indexOf(0)
  const end = compared === -1 ? IFNAMSIZ : compared
  const text = new Struct(name.subarray(0, end)).text(0, IFNAMSIZ)
  return text.length < end ? text : `${text}+`
}
