/** What sets of ipset keep: hash tables of entries, bitmaps and lists of sets (net/netfilter/ipset/ip_set_*.c). */

import { type EntryWords, entryWords } from './ipset-words.js'
import type { Kernel } from './kernel.js'
import { unlessLacking } from './lacking.js'
import { macText } from './net-addresses.js'
import { addressOf, array, bytes, list, text } from './query.js'

/** What an entry needs of its set. */
export interface SetOfEntries {
  address: bigint
  index: number
  net_ns: number | null
  name: string | null
  type: string | null
  family: number | null
  extensions: number
  offsets: readonly number[]
  size: number
}

/** An entry of a set. */
export interface SetEntry {
  /** Of the kernel's own object; of the map for one that is a bit. */
  address: bigint
  /** As `ipset list` words it: `10.96.0.1,tcp:443`. */
  text: string
  /** Whether what is like it is not meant. */
  nomatch: boolean
  comment: string | null
  packets: bigint | null
  bytes: bigint | null
  /** `jiffies` at which it ends; null where it stays. */
  ends: bigint | null
}

/** An entry before what its set keeps with each is looked up, and where that is kept. */
interface Found {
  address: bigint
  text: string
  nomatch: boolean
  extensions: bigint
}

/** NFPROTO_IPV6 (include/uapi/linux/netfilter.h). */
const IPV6 = 10
/** IPSET_EXT_TIMEOUT, _COUNTER and _COMMENT (include/linux/netfilter/ipset/ip_set.h). */
const [TIMEOUT, COUNTER, COMMENT] = [1, 2, 4]
/** Where in `offsets` these are. */
const [COUNTER_AT, TIMEOUT_AT, COMMENT_AT] = [0, 1, 3]
/** A hash table of more buckets, or an entry of more bytes, is damage. */
const MOST_BITS = 22
const MOST_SIZE = 512
/** Bytes that have a bit for each of IPSET_BITMAP_MAX_RANGE (include/linux/netfilter/ipset/ip_set_bitmap.h). */
const MOST_MAP = 0x10000 / 8
/** MAC_FILLED (net/netfilter/ipset/ip_set_bitmap_ipmac.c). */
const MAC_FILLED = 1
/** AHASH_MAX_TUNED (net/netfilter/ipset/ip_set_hash_gen.h): places in a bucket. */
const PLACES = 64

/** The entries of a set; none of a type that the kernel's own types do not tell of, which is said. */
export function readSetEntries(kernel: Kernel, set: SetOfEntries, all: readonly SetOfEntries[]): SetEntry[] {
  const { value, lacks } = unlessLacking(() => entriesOf(kernel, set, all))
  if (value === null || lacks !== null) {
    kernel.warn({
      code: 'unreadable',
      message: `entries of sets of type ${set.type} are not known: ${lacks}`,
      count: 1,
    })
    return []
  }
  return extended(kernel, set, value)
}

function entriesOf(kernel: Kernel, set: SetOfEntries, all: readonly SetOfEntries[]): Found[] {
  const [kind, members = ''] = set.type?.split(':') ?? []
  const name = members.replaceAll(',', '')
  if (kind === 'list') return listed(kernel, set, all)
  if (kind === 'bitmap') return mapped(kernel, set, name)
  const words = kind === 'hash' ? entryWords(members, set.family === IPV6) : null
  if (words !== null) return hashed(kernel, set, words, name)
  kernel.warn({ code: 'unreadable', message: `entries of sets of type ${set.type} are not known`, count: 1 })
  return []
}

/** Entries of a hash table, which has a type of its own for each family. */
function hashed(kernel: Kernel, set: SetOfEntries, words: EntryWords, name: string): Found[] {
  const own = `ip_set_hash_${name}:struct`
  const version = set.family === IPV6 ? 6 : 4
  const table = `((${own} hash_${name}${version} *)data)->table`
  const older = `((${own} hash_${name} *)data)->table`
  const whole = kernel
    .at([set.address], 'ip_set:struct ip_set')
    .select({ bits: [`${table}->htable_bits`, `${older}->htable_bits`] })
  const bits = whole.column('bits').number(0)
  if (bits === null) return []
  if (bits > MOST_BITS || set.size === 0 || set.size > MOST_SIZE) return damaged(kernel, set)
  const buckets = kernel
    .at([set.address], 'ip_set:struct ip_set')
    .walk(
      array([`${table}->bucket`, `${older}->bucket`], {
        count: 2 ** bits,
        pointers: true,
        type: `${own} hbucket`,
        most: 2 ** MOST_BITS,
      }),
    )
    .select({ used: 'used[0]', next: 'pos', values: addressOf('value') })
  const places = Array.from({ length: buckets.length }, (_, row) => {
    const [used, values] = [buckets.column('used').bigint(row) ?? 0n, buckets.column('values').bigint(row) ?? 0n]
    const count = Math.min(PLACES, buckets.column('next').number(row) ?? 0)
    const slots = Array.from({ length: count }, (_, slot) => slot).filter((slot) => (used >> BigInt(slot)) & 1n)
    return slots.map((slot) => values + BigInt(slot * set.size))
  }).flat()
  const found = kernel.at(places, `${own} hash_${name}${version}_elem`).select(words.select)
  return places.flatMap((address, row): Found[] => {
    const entry = words.words((column) => found.column(column), row)
    return entry === null ? [] : [{ address, ...entry, extensions: address }]
  })
}

/** What a set says of itself that none can be. */
function damaged(kernel: Kernel, { name, type }: SetOfEntries): Found[] {
  kernel.warn({ code: 'torn', message: `set ${name} of type ${type} is damaged: its entries are left out`, count: 1 })
  return []
}

/** Entries that are bits of a map: addresses or ports, one after the other. */
function mapped(kernel: Kernel, set: SetOfEntries, name: string): Found[] {
  const map = `((ip_set_bitmap_${name}:struct bitmap_${name} *)data)`
  const first = name === 'port' ? 'first_port' : 'first_ip'
  const found = kernel.at([set.address], 'ip_set:struct ip_set').select({
    map: `${map}->members`,
    first: `${map}->${first}`,
    bits: bytes(`${map}->members`, { length: `${map}->memsize`, max: MOST_MAP }),
    extensions: addressOf(`${map}->extensions`),
    // Addresses that one bit stands for.
    ...(name === 'ip' ? { hosts: `${map}->hosts` } : {}),
  })
  const [start, hosts] = [found.column('first').number(0), name === 'ip' ? found.column('hosts').number(0) : 1]
  const [bits, extensions] = [found.column('bits').bytes(0), found.column('extensions').bigint(0)]
  if (start === null || hosts === null || bits === null || extensions === null) return []
  if (set.size > MOST_SIZE) return damaged(kernel, set)
  const ids = Array.from({ length: bits.length * 8 }, (_, id) => id).filter(
    (id) => ((bits[id >> 3] ?? 0) >> (id & 7)) & 1,
  )
  const places = ids.map((id) => extensions + BigInt(id * set.size))
  const macs = name === 'ipmac' ? readMacs(kernel, places) : []
  return ids.map((id, at): Found => {
    const value = start + id * hosts
    const word = name === 'port' ? `${value}` : dotted(value)
    const address = found.column('map').bigint(0) ?? 0n
    return { address, text: `${word}${macs[at] ?? ''}`, nomatch: false, extensions: places[at] ?? 0n }
  })
}

/** Hardware addresses of a map's entries, with a comma before each; one that is not known yet is empty. */
function readMacs(kernel: Kernel, places: readonly bigint[]): string[] {
  const found = kernel
    .at(places, 'ip_set_bitmap_ipmac:struct bitmap_ipmac_elem')
    .select({ mac: bytes('ether'), filled: 'filled' })
  return places.map((_, row) => {
    const mac = found.column('mac').bytes(row)
    return mac === null || found.column('filled').number(row) !== MAC_FILLED ? '' : `,${macText(mac)}`
  })
}

/** An address in the machine's own order. */
const dotted = (address: number) => [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.')

/** Sets that are entries of another. */
function listed(kernel: Kernel, set: SetOfEntries, all: readonly SetOfEntries[]): Found[] {
  const members = '((ip_set_list_set:struct list_set *)data)->members'
  const found = kernel
    .at([set.address], 'ip_set:struct ip_set')
    .walk(list(members, 'ip_set_list_set:struct set_elem', 'list'))
    .select({ id: 'id' })
  return Array.from({ length: found.length }, (_, row) => {
    const id = found.column('id').number(row)
    const named = all.find(({ net_ns, index }) => net_ns === set.net_ns && index === id)
    const address = found.address(row)
    return { address, text: named?.name ?? `#${id}`, nomatch: false, extensions: address }
  })
}

/** The same with what their set keeps beside each. */
function extended(kernel: Kernel, { extensions, offsets }: SetOfEntries, found: readonly Found[]): SetEntry[] {
  const [counts, ends, comments] = [COUNTER, TIMEOUT, COMMENT].map((bit) => (extensions & bit) !== 0)
  const places = (kept: boolean | undefined, place: number) =>
    kept ? found.map(({ extensions: start }) => start + BigInt(offsets[place] ?? 0)) : []
  const counters = kernel
    .at(places(counts, COUNTER_AT), 'ip_set:struct ip_set_counter')
    .select({ packets: 'packets.counter', bytes: 'bytes.counter' })
  const timeouts = kernel.at(places(ends, TIMEOUT_AT), 'unsigned long').select({ ends: '' })
  const texts = kernel.at(places(comments, COMMENT_AT), 'ip_set:struct ip_set_comment').select({ text: text('c->str') })
  return found.map(({ address, text, nomatch }, row) => ({
    ...{ address, text, nomatch },
    comment: comments ? texts.column('text').text(row) : null,
    packets: counts ? counters.column('packets').bigint(row) : null,
    bytes: counts ? counters.column('bytes').bigint(row) : null,
    // IPSET_ELEM_PERMANENT is 0.
    ends: ends ? timeouts.column('ends').bigint(row) || null : null,
  }))
}
