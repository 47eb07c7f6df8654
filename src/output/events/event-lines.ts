import type { Batch } from '../../api/table.js'
import type { Format, TableHead } from '../format.js'
import { encoded, type PlainRow, plainRows } from './rows.js'

/** A line of JSON for each event of a row. Of rows that nothing dates, a note says how many there were. */
export abstract class EventLines implements Format {
  protected timeless = 0

  constructor(private readonly note: (line: string) => void) {}

  start(): string {
    this.timeless = 0
    return ''
  }

  rows(head: TableHead, batch: Batch): string {
    let output = ''
    for (const row of plainRows(head, batch)) {
      for (const event of this.events(head, row)) output += `${encoded(event)}\n`
    }
    return output
  }

  end({ table }: TableHead): string {
    if (this.timeless > 0) this.note(`${table}: ${this.timeless} rows ${this.undated}`)
    return ''
  }

  finish(): string {
    return ''
  }

  /** What is said of rows without a time. */
  protected abstract readonly undated: string

  protected abstract events(head: TableHead, row: PlainRow): Iterable<Record<string, unknown>>
}
