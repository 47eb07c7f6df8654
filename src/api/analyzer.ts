import type { Kernel } from '../kernel/kernel.js'
import type { Warning } from '../warning.js'
import type { Artifacts } from './artifacts.js'
import type { Column, Columns, Row } from './columns.js'
import type { NeededTables, Needs } from './needs.js'
import type { Options, OptionsRead } from './options.js'
import type { Rule } from './rule.js'
import type { ScanHits, Scans } from './scans.js'
import type { EvidenceFile, FileSource } from './source.js'
import type { Rows } from './table.js'

export interface Example {
  readonly command: string
  readonly what: string
}

/** Where a table's rows come from: a memory image, unless the declaration names a file. */
export type Source = FileSource | undefined

/** What every analyzer gets to work with. */
export interface CommonContext<O extends Options = Options, N extends Needs = Needs> {
  /** What the user, or the analyzer that needs the table, gave or left to its default. */
  readonly options: OptionsRead<O>
  /** The tables named in `needs`. */
  readonly tables: NeededTables<N>
  /** A line for the user, on stderr. */
  /** Where its files go, if it declares that it writes any. */
  readonly artifacts: Artifacts
  readonly log: (line: string) => void
  readonly warn: (warning: Warning) => void
  readonly progress: (done: number, total: number) => void
  readonly signal: AbortSignal
  /** Rules of users' plugins, for one that declares that it evaluates rules. */
  readonly rules: readonly Rule[]
}

/** What an analyzer of a memory image gets beside that. */
export interface ImageContext<K extends Scans = Scans> {
  readonly kernel: Kernel
  /** The hits of the scans named in `scans`. */
  readonly scans: ScanHits<K>
}

/** What an analyzer of a file gets beside that. */
export interface FileContext {
  readonly file: EvidenceFile
}

export type RunContext<
  O extends Options = Options,
  N extends Needs = Needs,
  S extends Source = undefined,
  K extends Scans = Scans,
> = CommonContext<O, N> & (S extends FileSource ? FileContext : ImageContext<K>)

export type Yielded<C extends Columns> = Row<C> | readonly Row<C>[] | Rows

/** Columns that can tell what a row is about: an address means another thing in every image. */
export type KeyColumn<C extends Columns> = {
  [K in keyof C]: C[K] extends Column<infer T> ? ([T] extends ['address'] ? never : K) : never
}[keyof C] &
  string

/** The part of an analyzer that is data: help, schemas and output are made from it alone. */
export interface Declaration<
  C extends Columns = Columns,
  O extends Options = Options,
  N extends Needs = Needs,
  S extends Source = Source,
  K extends Scans = Scans,
> {
  readonly name: string
  readonly aliases?: readonly string[]
  /** Under which heading it is listed. A built-in one's is the name of its folder. */
  readonly area?: string
  readonly summary: string
  readonly description?: string
  /** What the table can promise where memory was taken while the host went on; every built-in one says it. */
  readonly torn?: string
  readonly examples?: readonly Example[]
  readonly columns: C
  /**
   * Columns that together name the same thing in two images that were taken of one boot. A time is as good as the host's
   * clock: where that was set in between, nothing that it is part of is the same.
   */
  readonly key?: readonly KeyColumn<NoInfer<C>>[]
  /** The table has one row for each image; for people it is written as names and values. */
  readonly single?: boolean
  /** What the table can be made with. */
  readonly options?: O
  /** Options of which at least one must be given: without any of them there is no table. */
  readonly asks?: readonly (keyof NoInfer<O> & string)[]
  /** Tables this one is made from; the engine makes each at most once per image and set of options. */
  readonly needs?: N
  /** What is read, where that is no memory image. */
  readonly source?: S
  /** What is searched for in memory before; each scan is made once per image for all that ask. */
  readonly scans?: K
  /** Names of the rules that it evaluates; those of users' plugins come to it too, and the tables that they read. */
  readonly evaluates?: readonly string[]
  /** What the files are that it writes into the folder of --output-dir, in a sentence. Only one that says so may. */
  readonly artifacts?: string
}

export interface Analyzer<
  C extends Columns = Columns,
  O extends Options = Options,
  N extends Needs = Needs,
  S extends Source = Source,
  K extends Scans = Scans,
> extends Declaration<C, O, N, S, K> {
  run(context: RunContext<O, N, S, K>): AsyncIterable<Yielded<C>> | Iterable<Yielded<C>>
}

/** Declares an analyzer. It returns its argument; its use is the types. */
export function defineAnalyzer<
  const C extends Columns,
  const O extends Options = Record<never, never>,
  const N extends Needs = Record<never, never>,
  S extends Source = undefined,
  const K extends Scans = Record<never, never>,
>(analyzer: Analyzer<C, O, N, S, K>): Analyzer<C, O, N, S, K> {
  return analyzer
}
