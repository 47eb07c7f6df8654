/** Tables that an analyzer is made from. */

import type { Columns } from './columns.js'
import type { Options, OptionsGiven, OptionsNeeded } from './options.js'
import type { Table } from './table.js'

/** Only for types: the columns of the table that is needed. */
declare const columnsOf: unique symbol

/** One table of another analyzer. */
export interface Need<C extends Columns = Columns, O extends boolean = boolean> {
  /** Its name or an alias of it. */
  readonly analyzer: string
  /** Whether the analyzer that needs it can do without. */
  readonly optional: O
  /** What it is made with; everything else has its default. */
  readonly options?: OptionsNeeded
  readonly [columnsOf]?: C
}

/** Needs by the names under which the tables come. */
export type Needs = Readonly<Record<string, Need>>

/** A table that may not be there, and then why. */
export type OptionalTable<C extends Columns = Columns> =
  | { readonly table: Table<C>; readonly why: null }
  | { readonly table: null; readonly why: string }

type NeededTable<N> = N extends Need<infer C, infer O> ? (O extends true ? OptionalTable<C> : Table<C>) : never

/** What an analyzer gets for its needs. */
export type NeededTables<N extends Needs> = { readonly [K in keyof N]: NeededTable<N[K]> }

/** Of a declaration what tells which table it is, and what is in it. */
type Named<C extends Columns, O extends Options> =
  | { readonly name: string; readonly columns: C; readonly options?: O }
  | string

function make<O extends boolean>(of: { readonly name: string } | string, options: unknown, optional: O) {
  const analyzer = typeof of === 'string' ? of : of.name
  return { analyzer, optional, ...(options === undefined ? {} : { options: options as OptionsNeeded }) }
}

/**
 * The table of another analyzer, which is run first, once for all that need it with the same options. The declaration
 * gives the types of its rows; a name is for an analyzer that another package brings. Where it fails, so does this one.
 */
export function need<C extends Columns, O extends Options>(of: Named<C, O>, options?: OptionsGiven<O>): Need<C, false> {
  return make(of, options, false)
}

/** The same, but its absence or failure is for the analyzer to tell: `{ table: null, why }`. */
export function optional<C extends Columns, O extends Options>(
  of: Named<C, O>,
  options?: OptionsGiven<O>,
): Need<C, true> {
  return make(of, options, true)
}
