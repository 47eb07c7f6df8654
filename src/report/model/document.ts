/** What a report holds: what the engine's side writes and the page reads. */

import type { Columns, Value } from '../../api/columns.js'
import type { Warning } from '../../warning.js'

/** A column of the rows: as it is, or as its different values and which of them each row has. */
export type PackedColumn = readonly Value[] | { readonly distinct: readonly Value[]; readonly which: readonly number[] }

/** The rows of one table, which the page unpacks when it first needs them. */
export type PackedRows = Readonly<Record<string, PackedColumn>>

/** What is known of a table without its rows. */
export interface TableHead {
  readonly name: string
  readonly area: string
  readonly summary: string
  readonly description?: string
  readonly torn?: string
  readonly columns: Columns
  readonly key: readonly string[] | null
  readonly single: boolean
  /** Rows that the report holds. */
  readonly rows: number
  /** Rows that the table has; more than the report holds where it was cut. */
  readonly total: number
  readonly warnings: readonly Warning[]
  /** Why its analyzer did not reach the end. */
  readonly failed: string | null
  /** The element of the page that has the rows. */
  readonly data: string
}

/** A file that the image was read from. */
export interface ImageFile {
  readonly path: string
  readonly bytes: number
  /** Null where it was not hashed. */
  readonly sha256: string | null
}

export interface ImageHead {
  /** As it was given. */
  readonly name: string
  /** What a case calls it. */
  readonly id?: string
  /** It stands for all images of a case, and its tables are about these. */
  readonly fleet?: true
  readonly files: readonly ImageFile[]
  /** Of the image itself. */
  readonly warnings: readonly Warning[]
  readonly tables: readonly TableHead[]
}

/** What the page reads first. */
export interface ReportHead {
  readonly version: string
  /** When the report was made, ISO 8601 in UTC. */
  readonly made: string
  readonly images: readonly ImageHead[]
}

/** The table of a case's images, in the head that stands for all of them. */
export const FLEET_IMAGES = 'images'

/** The column of a case's findings that says which image each is of. */
export const FINDING_OF = 'finding_of'

/** The element of the page that has the head. */
export const HEAD = 'head'
/** The type of the elements that hold data: none that a browser would run. */
export const DATA_TYPE = 'application/x-salvor'
