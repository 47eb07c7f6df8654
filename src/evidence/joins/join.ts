/** What every join has: it takes records as they come, and says in the end what fits memory and what does not. */

import type { Origin } from '../read.js'
import type { EvidenceRecord, Said } from '../records.js'

/** Whether evidence and memory agree that there is something. */
export type JoinState = 'both' | 'evidence only' | 'memory only'

export interface JoinRow {
  readonly source: string
  readonly file: string
  readonly kind: 'file' | 'container' | 'pod' | 'exec' | 'connection' | 'key-use' | 'finding'
  readonly time: string | null
  readonly subject: string | null
  readonly pid: number | bigint | null
  readonly comm: string | null
  readonly container: string | null
  readonly container_name: string | null
  readonly pod: string | null
  readonly state: JoinState
  readonly detail: Readonly<Record<string, unknown>>
}

export interface Join {
  add(record: EvidenceRecord, origin: Origin): void
  rows(): Iterable<JoinRow>
}

/** Records that a join holds at most: a file may have any number, and rows are for people. */
export const MOST_HELD = 200_000

/** Of so many records of a join all is kept that the evidence says; of the others what is joined. */
const MOST_SAID = 10_000
/** Longer texts of what one record says, as JSON, are for the file itself to show. */
const LONGEST_SAID = 256 << 10

/** A record without what the evidence says beside, where that of enough others is held. */
export function lean<R extends Said>(record: R, held: number): R {
  return held < MOST_SAID || record.said === undefined ? record : { ...record, said: undefined }
}

/** What the evidence says, for the detail of a row: nothing where it is not held, or is too long. */
export function saidOf({ said }: Said): { said?: unknown } {
  return said === undefined || JSON.stringify(said).length > LONGEST_SAID ? {} : { said }
}

/** Things by a key, no more than can be held; what is left out is counted. */
export class Held<T> {
  private readonly byKey = new Map<string, T>()
  leftOut = 0

  get size(): number {
    return this.byKey.size
  }

  get(key: string): T | undefined {
    return this.byKey.get(key)
  }

  set(key: string, value: T): void {
    if (this.byKey.has(key) || this.byKey.size < MOST_HELD) this.byKey.set(key, value)
    else this.leftOut++
  }

  values(): readonly T[] {
    return [...this.byKey.values()]
  }
}

/** What a row of evidence that fits nothing in memory has in the place of a process and container. */
export const NOWHERE = { pid: null, comm: null, container: null, container_name: null, pod: null }
