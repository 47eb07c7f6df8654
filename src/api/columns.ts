import type { Artifact } from './artifacts.js'

/** What kind of value a column holds; decides its JSON form, its alignment and its schema. */
export type ColumnType =
  | 'text'
  | 'integer'
  | 'count'
  | 'address'
  | 'bytes'
  | 'time'
  | 'flag'
  | 'list'
  | 'record'
  | 'artifact'

/**
 * What a value refers to, so that filters and links between tables need not guess from names. `pid` is the process that
 * the row belongs to, which --pid asks for; `process` is any other that it names.
 */
export type Meaning =
  | 'pid'
  | 'process'
  | 'tid'
  | 'container'
  | 'container_name'
  | 'inode'
  | 'cgroup'
  | 'pod'
  | 'path'
  | 'host'
  | (string & Record<never, never>)

export interface ColumnOptions {
  readonly meaning?: Meaning
  /** `false` promises that the column always has a value; any other column may be null where memory was unreadable. */
  readonly nullable?: boolean
  /** A column that a table for people has only with --wide or --columns. Every other output has it. */
  readonly detail?: boolean
  /** The column that says how deep a row lies in a tree: in a table for people this one begins so far to the right. */
  readonly indented_by?: string
}

export interface Column<T extends ColumnType = ColumnType> extends ColumnOptions {
  readonly type: T
  readonly description: string
}

export type Columns = Readonly<Record<string, Column>>

/** A value as an analyzer yields it and as a consumer of the table reads it. */
export type Value = string | number | bigint | boolean | null | readonly Value[] | { readonly [key: string]: Value }

interface ValueTypes {
  text: string
  integer: number | bigint
  count: number | bigint
  address: number | bigint
  bytes: number | bigint
  time: string
  flag: boolean
  list: readonly string[]
  /** Anything that JSON can say. */
  record: Value | object
  artifact: Artifact
}

export type ValueOf<C> = C extends Column<infer T> ? ValueTypes[T] | null : never

/** One row of a table with these columns: every column is named, null says "could not be read". */
export type Row<C extends Columns = Columns> = { readonly [K in keyof C]: ValueOf<C[K]> }

function constructorFor<T extends ColumnType>(type: T) {
  return (description: string, options: ColumnOptions = {}): Column<T> => ({ type, description, ...options })
}

/** Free text, as the image holds it. */
export const text = constructorFor('text')
/** A number that names something: an id, an inode, an exit code. */
export const integer = constructorFor('integer')
/** How many of something. */
export const count = constructorFor('count')
/** A virtual or physical address; always `0x…` in JSON. */
export const address = constructorFor('address')
/** A size in bytes. */
export const bytes = constructorFor('bytes')
/** A moment, ISO 8601 in UTC (see `isoTime`). */
export const time = constructorFor('time')
/** True or false. */
export const flag = constructorFor('flag')
/** A list of texts. */
export const list = constructorFor('list')
/** A nested JSON value. */
export const record = constructorFor('record')
/** A file that the analyzer has written, as `close` gives it. */
export const artifact = constructorFor('artifact')
