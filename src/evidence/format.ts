/** What a format of evidence is. */

import type { EvidenceRecord } from './records.js'

/** Counts what a file says that is no record. */
export interface Losses {
  /** A line or item that is not what the format says. */
  malformed(): void
  /** Something that is not judged, and why. */
  remark(message: string): void
}

/** A format of one JSON document, told by its value. */
export interface DocumentFormat {
  readonly name: string
  readonly form: 'document'
  recognises(value: unknown): boolean
  read(value: unknown, losses: Losses): Iterable<EvidenceRecord>
}

/** A format of lines, which is read however long it is; told by its first ones. */
export interface LineFormat {
  readonly name: string
  readonly form: 'lines'
  recognises(lines: readonly string[]): boolean
  /** A reader for one file: it may remember what earlier lines said. */
  reader(losses: Losses): (line: string) => Iterable<EvidenceRecord>
}

/** A format of bytes. */
export interface ArchiveFormat {
  readonly name: string
  readonly form: 'archive'
  recognises(beginning: Uint8Array): boolean
  read(stream: AsyncIterable<Uint8Array>, losses: Losses): AsyncIterable<EvidenceRecord>
}

export type Format = DocumentFormat | LineFormat | ArchiveFormat
