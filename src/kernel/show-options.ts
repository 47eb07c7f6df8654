/** What `show_options()` of a kind of file system prints into mountinfo: what it reads of a superblock, and its words. */

import type { Field, Nested, Selects } from './query.js'

/** Columns of a superblock: a member that its kernel lacks, and a text that is not set, is null. */
export interface Values {
  number(name: string): number | null
  bigint(name: string): bigint | null
  text(name: string): string | null
  /** Whether the kernel has no such member. */
  lacks(name: string): boolean
  /** Those of `texts`, each at its place. */
  texts(): readonly (string | null | undefined)[]
}

/** What such functions ask the kernel at large. */
export interface Facts {
  /** Ticks of a second (CONFIG_HZ). */
  readonly hz: number | null
  readonly page_size: number
  /** Pages of memory (totalram_pages()). */
  readonly pages: bigint | null
  /** Whether new tmpfs number their inodes in 64 bits (CONFIG_TMPFS_INODE64). */
  readonly inode64: boolean
  /** Address of the first user namespace. */
  readonly init_user_ns: bigint | null
  /** Controllers of a cgroup v1 hierarchy, by the address of its top cgroup. */
  controllers(top: bigint): readonly string[] | null
  /** A variable of OVERLAY_DEFAULTS; null where the kernel has none. */
  flag(symbol: string): boolean | null
  has(symbol: string): boolean
}

export type Texts = Nested & { readonly select: { readonly at: Field<'index'>; readonly text: Field<'string'> } }

export interface ShowOptions {
  /**
   * Paths start at the `struct super_block`. A kernel may lack any of them but the first: without that one the options
   * cannot be told.
   */
  readonly select: Selects
  /** A walk to more texts, each with its place. */
  readonly texts?: Texts
  /** The options; null where one of them cannot be told. */
  words(values: Values, facts: Facts): string[] | null
}

/** A path to a member of what `s_fs_info` points to. */
export const info =
  (type: string) =>
  (member: string): string =>
    `((${type} *)s_fs_info)->${member}`

/** `name=value` where the value is there and is not what goes without saying. */
export function unless(usual: number, name: string, value: number | null): string[] {
  return value === null || value === usual ? [] : [`${name}=${value}`]
}

/** The same with digits of base 8. */
export function octalUnless(usual: number, name: string, value: number | null): string[] {
  return value === null || value === usual ? [] : [`${name}=${value.toString(8)}`]
}

/** A word where something is set. */
export function when(word: string, set: number | bigint | boolean | null): string[] {
  return set ? [word] : []
}
