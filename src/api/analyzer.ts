import type { Kernel } from '../kernel/kernel.js'
import type { Warning } from '../warning.js'
import type { Columns, Row } from './columns.js'
import type { Rows, Table } from './table.js'

export interface Example {
  readonly command: string
  readonly what: string
}

/** Scans of physical memory that run chunk by chunk on the pool before the analyzer starts. */
export const scanNames = ['tasks'] as const
export type ScanName = (typeof scanNames)[number]

/** What an analyzer gets to work with. */
export interface RunContext {
  readonly kernel: Kernel
  /** The tables named in `needs`. */
  readonly tables: Readonly<Record<string, Table>>
  /** The hits of the scans named in `scans`: addresses, ascending, each once. */
  readonly scans: Readonly<Record<ScanName, BigUint64Array>>
  /** A line for the user, on stderr. */
  readonly log: (line: string) => void
  readonly warn: (warning: Warning) => void
  readonly progress: (done: number, total: number) => void
  readonly signal: AbortSignal
}

export type Yielded<C extends Columns> = Row<C> | readonly Row<C>[] | Rows

/** The part of an analyzer that is data: help, schemas and output are made from it alone. */
export interface Declaration<C extends Columns = Columns> {
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
  /** The table has one row for each image; for people it is written as names and values. */
  readonly single?: boolean
  /** Tables this one is made from; the engine runs each at most once per image. */
  readonly needs?: readonly string[]
  readonly scans?: readonly ScanName[]
}

export interface Analyzer<C extends Columns = Columns> extends Declaration<C> {
  run(context: RunContext): AsyncIterable<Yielded<C>> | Iterable<Yielded<C>>
}

/** Declares an analyzer. It returns its argument; its use is the types. */
export function defineAnalyzer<const C extends Columns>(analyzer: Analyzer<C>): Analyzer<C> {
  return analyzer
}
