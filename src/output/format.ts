import type { Columns } from '../api/columns.js'
import type { OptionsData } from '../api/options.js'
import type { Batch } from '../api/table.js'
import type { Warning } from '../warning.js'

export const formatNames = ['table', 'json', 'ndjson', 'csv', 'ecs', 'timesketch', 'sarif', 'stix', 'misp'] as const
export type FormatName = (typeof formatNames)[number]

/** Formats of events, which say of each on which host it was seen, and when. */
export const eventFormats: ReadonlySet<FormatName> = new Set<FormatName>(['ecs', 'timesketch', 'stix', 'misp'])

/** What such a format says of the host that an image is of. */
export interface ImageHost {
  readonly hostname: string | null
  /** When memory was taken. */
  readonly taken: string | null
}

/** Which table of which image is being written. */
export interface TableHead {
  readonly table: string
  readonly image: string
  /** What it was made with, if its analyzer has options. */
  readonly options?: OptionsData
  /** The columns to write, in order. */
  readonly columns: Columns
  /** Its rows stand alone: for people, names and values. */
  readonly single?: boolean
  /** Each row, for people, as names and values, with the source of a value behind it. */
  readonly records?: boolean
  /** Names by the ids of containers, for people to see beside the ids of a table that has no names itself. */
  readonly names?: ReadonlyMap<string, string>
  /** For formats of events. */
  readonly host?: ImageHost
}

/** Turns tables, one after the other, into text. Every call answers the next piece of it. */
export interface Format {
  start(head: TableHead): string
  rows(head: TableHead, batch: Batch): string
  end(head: TableHead, warnings: readonly Warning[]): string
  /** What closes the whole output; called once, if any table was started. */
  finish(): string
}

export interface FormatOptions {
  /** Several tables or images go into this output. */
  readonly several: boolean
  /** Columns of the terminal, if it is one. */
  readonly width?: number
  /** Cells of a table are whole, however long. */
  readonly wide: boolean
  /** The user has named the columns of a table. */
  readonly named: boolean
  readonly colour: boolean
  /** Tables are parts of a page about one thing: those without rows are left out. */
  readonly page?: boolean
  /** A line for the user beside the output. */
  readonly note: (line: string) => void
}

/** Loads only the format that is used. */
export async function makeFormat(name: FormatName, options: FormatOptions): Promise<Format> {
  switch (name) {
    case 'json':
      return new (await import('./json.js')).JsonFormat(options.several)
    case 'ndjson':
      return new (await import('./json.js')).NdjsonFormat(options.several)
    case 'csv':
      return new (await import('./csv.js')).CsvFormat()
    case 'ecs':
      return new (await import('./events/ecs.js')).EcsFormat(options.note)
    case 'timesketch':
      return new (await import('./events/timesketch.js')).TimesketchFormat(options.note)
    case 'sarif':
      return new (await import('./events/sarif.js')).SarifFormat()
    case 'stix':
      return new (await import('./events/stix.js')).StixFormat(options.several, options.note)
    case 'misp':
      return new (await import('./events/misp.js')).MispFormat(options.several, options.note)
    case 'table':
      return new (await import('./table.js')).TableFormat(options)
  }
}
