/**
 * The match `set` and the target `SET` of xtables as iptables-save words them: packets that ipset's sets are asked for, and
 * what is put into these (include/uapi/linux/netfilter/xt_set.h and ipset/ip_set.h).
 */

import type { Struct } from './bytes.js'

/** What the set of ipset is called that has a number. */
export type SetName = (index: number) => string | null

/** IPSET_INVALID_ID: no set is meant. */
const NO_SET = 0xffff
/** IPSET_INV_MATCH, the first bit of those that say by source or destination, IPSET_RETURN_NOMATCH (in a set's own flags). */
const INVERTED = 1
const FIRST_SOURCE = 1
const RETURN_NOMATCH = 1 << 7
/** Bytes of a struct xt_set_info. */
const SET_INFO = 4
/** IPSET_FLAG_*, by the words for what they ask for. */
const EXISTS = 1
const MATCH_FLAGS: readonly [flag: number, words: readonly string[]][] = [
  [RETURN_NOMATCH, ['--return-nomatch']],
  [1 << 3, ['!', '--update-counters']],
  [1 << 4, ['!', '--update-subcounters']],
]
const MAP_FLAGS: readonly [flag: number, words: readonly string[]][] = [
  [1 << 8, ['--map-mark']],
  [1 << 9, ['--map-prio']],
  [1 << 10, ['--map-queue']],
]
/** A timeout that nobody gave: UINT_MAX. */
const NO_TIMEOUT = 0xffff_ffff
/** enum of IPSET_COUNTER_*: none, eq, ne, lt, gt. */
const COMPARED: readonly (readonly [not: readonly string[], how: string])[] = [
  [[], 'eq'],
  [['!'], 'eq'],
  [[], 'lt'],
  [[], 'gt'],
]

const worded = (flags: number, words: typeof MATCH_FLAGS) => words.flatMap(([flag, own]) => (flags & flag ? own : []))

/** A struct xt_set_info behind an option's name; nothing where no set is meant. */
function setWords(option: string, info: Struct, at: number, setName: SetName): string[] {
  const [index, dimensions, flags] = [info.u16(at), info.u8(at + 2), info.u8(at + 3)]
  if (index === NO_SET) return []
  const sides = Array.from({ length: dimensions }, (_, side) => ((flags >> (FIRST_SOURCE + side)) & 1 ? 'src' : 'dst'))
  return [option, setName(index) ?? `#${index}`, sides.join(',')]
}

/** A struct ip_set_counter_match; in revision 3 the value lies behind what it is compared by. */
function counterWords(name: string, info: Struct, at: number, revision: number): string[] {
  const [value, operation] = revision === 3 ? [at + 8, at] : [at, at + 8]
  const compared = COMPARED[info.u8(operation) - 1]
  if (compared === undefined) return []
  const [not, how] = compared
  return [...not, `--${name}-${how}`, `${BigInt(info.u32(value)) | (BigInt(info.u32(value + 4)) << 32n)}`]
}

/** From revision 1 on; before it, flags lay otherwise. */
export function setMatchWords(info: Struct, revision: number, setName: SetName): string[] {
  if (revision === 0) return [`[${info.hex()}]`]
  const flags = info.u8(SET_INFO - 1)
  const more =
    revision < 3
      ? worded(flags & RETURN_NOMATCH, MATCH_FLAGS)
      : [
          ...worded(info.u32(40), MATCH_FLAGS),
          ...counterWords('packets', info, 8, revision),
          ...counterWords('bytes', info, 24, revision),
        ]
  return [...(flags & INVERTED ? ['!'] : []), ...setWords('--match-set', info, 0, setName), ...more]
}

/** Revisions 1, 2 with flags and a timeout, and 3 with a set of what packets are given besides. */
export function setTargetWords(info: Struct, revision: number, setName: SetName): string[] {
  if (revision === 0) return [`[${info.hex()}]`]
  const at = revision < 3 ? 2 * SET_INFO : 3 * SET_INFO
  const [flags, timeout] = revision === 1 ? [0, NO_TIMEOUT] : [info.u32(at), info.u32(at + 4)]
  const mapped = revision < 3 ? [] : setWords('--map-set', info, 2 * SET_INFO, setName)
  return [
    ...setWords('--add-set', info, 0, setName),
    ...(flags & EXISTS ? ['--exist'] : []),
    ...(timeout === NO_TIMEOUT ? [] : ['--timeout', `${timeout}`]),
    ...setWords('--del-set', info, SET_INFO, setName),
    ...mapped,
    ...(mapped.length === 0 ? [] : worded(flags, MAP_FLAGS)),
  ]
}
