/**
 * Where bash has found commands: its table of hashed filenames, which `hash` shows (hashlib.h, hashcmd.h).
 *
 * The variable `hashed_filenames` leads to {BUCKET_CONTENTS **bucket_array; int nbuckets; int nentries}; what is in a
 * bucket is {next; char *key; void *data; unsigned khash; int times_found}, and `data` of this table {char *path; int flags}.
 */

import { type Memory, type Program, variablePointers, within } from './memory.js'

/** A program that has it in its heap is bash: the name of a variable that it sets before all else. */
const SIGN = 'BASH_VERSINFO'
/** FNV-1 (hashlib.c, hash_string()). */
const FNV_OFFSET = 2166136261
const FNV_PRIME = 16777619
/** PATH_MAX (include/uapi/linux/limits.h). */
const LONGEST = 4096
/** A table has 64 or 256 buckets at first, and more as it grows. */
const MOST_BUCKETS = 1 << 16
const MOST_ENTRIES = 1 << 16
const WORD = 8
const TABLE = 16
const CONTENTS = 32
const PATH_DATA = 12
/** HASH_RELPATH (hashcmd.h), and the other flag that there is. */
const RELATIVE = 1
const CHECKED = 2

/** A command that bash has found before. */
export interface Hashed {
  name: string
  path: string
  /** How often it was taken from the table. */
  hits: number
  /** Whether the path is looked for from the folder that the shell is in. */
  relative: boolean
}

export interface HashTable {
  readonly entries: readonly Hashed[]
  /** How many more the table says that it has. */
  readonly lost: number
}

/** The table of a bash; null where the program is none, or has found nothing yet. */
export function readHashTable(program: Program): HashTable | null {
  const { memory, searched } = program
  for (const _ of memory.find([SIGN], { ranges: searched })) return tableOf(program)
  return null
}

function tableOf(program: Program): HashTable | null {
  for (const address of variablePointers(program)) {
    const table = tableAt(program, address)
    if (table !== null) return table
  }
  return null
}

/** The table at an address; null where there is none, or where what it holds is no path. */
function tableAt(program: Program, address: bigint): HashTable | null {
  const { memory, anonymous } = program
  const table = memory.readWhole(address, TABLE)
  if (table === null) return null
  const [array, buckets, count] = [
    table.getBigUint64(0, true),
    table.getUint32(WORD, true),
    table.getUint32(WORD + 4, true),
  ]
  if (!isPowerOfTwo(buckets) || buckets > MOST_BUCKETS || count === 0 || count > MOST_ENTRIES) return null
  const heads = within(anonymous, array) ? memory.readWhole(array, buckets * WORD) : null
  if (heads === null) return null
  const entries: Hashed[] = []
  for (let bucket = 0; bucket < buckets; bucket++) {
    let next = heads.getBigUint64(bucket * WORD, true)
    while (next !== 0n && entries.length < count) {
      const contents = contentsAt(program, next)
      if (contents === null) {
        // One that is in its bucket was this table's: what follows is lost. What is not says that this is no such table.
        if (entries.length === 0) return null
        break
      }
      if ((contents.hash & (buckets - 1)) !== bucket) return null
      const { name, path, hits, relative } = contents
      entries.push({ name, path, hits, relative })
      next = contents.next
    }
  }
  return entries.length === 0 ? null : { entries, lost: count - entries.length }
}

interface Contents extends Hashed {
  readonly next: bigint
  readonly hash: number
}

function contentsAt({ memory, anonymous }: Program, address: bigint): Contents | null {
  const words = within(anonymous, address) ? memory.readWhole(address, CONTENTS) : null
  if (words === null) return null
  const name = memory.text(words.getBigUint64(WORD, true), LONGEST)
  const hash = words.getUint32(WORD * 3, true)
  if (name === null || name === '' || !hashesOf(name).includes(hash)) return null
  const found = pathAt(memory, words.getBigUint64(WORD * 2, true))
  if (found === null) return null
  return { name, ...found, hits: words.getUint32(WORD * 3 + 4, true), hash, next: words.getBigUint64(0, true) }
}

/** Where a command is. Other tables lead to variables, functions and aliases: a name and a pointer, which no flags are. */
function pathAt(memory: Memory, address: bigint): { path: string; relative: boolean } | null {
  const data = memory.readWhole(address, PATH_DATA)
  if (data === null) return null
  const flags = data.getUint32(WORD, true)
  const path = memory.text(data.getBigUint64(0, true), LONGEST)
  if (path === null || !path.includes('/') || (flags & ~(RELATIVE | CHECKED)) !== 0) return null
  return { path, relative: (flags & RELATIVE) !== 0 }
}

/** The hash of a name where `char` has a sign, as on x86, and where it has none. */
function hashesOf(name: string): readonly number[] {
  let [signed, unsigned] = [FNV_OFFSET, FNV_OFFSET]
  for (const byte of Buffer.from(name)) {
    signed = Math.imul(signed, FNV_PRIME) ^ ((byte << 24) >> 24)
    unsigned = Math.imul(unsigned, FNV_PRIME) ^ byte
  }
  return [signed >>> 0, unsigned >>> 0]
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0
}
