/** What a hook is told: plain values, as JSON. Text of them that comes from an image is what it is there. */

import { closeSync, openSync, readSync } from 'node:fs'
import type { ImageEnd } from '../batch/batch.js'
import { imageId, missed, type State } from '../case/manifest.js'
import { ROW_KEY } from '../case/sql-types.js'

export const eventKinds = ['finished', 'failed', 'finding'] as const
export type EventKind = (typeof eventKinds)[number]

/** Findings of an image that an event holds, and bytes of them; they come with the worst first. */
const MOST_FINDINGS = 100
const MOST_BYTES = 1 << 20
const FINDINGS = 'findings'

export interface HookEvent {
  readonly event: EventKind
  /** ISO 8601. */
  readonly time: string
  /** The folder of the case; a worker knows none. */
  readonly case: string | null
  readonly image: {
    readonly path: string
    /** As in the case; null where there is no result. */
    readonly id: string | null
    readonly sha256: string | null
    readonly hostname: string | null
    readonly release: string | null
    readonly state: State
    readonly exit_code: number
    readonly error: string | null
    readonly tables: readonly { readonly table: string; readonly rows: number }[]
    readonly warnings: number
  }
  readonly findings?: { readonly count: number; readonly rows: readonly unknown[] }
}

function firstRows(path: string): unknown[] {
  const descriptor = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(MOST_BYTES)
    const text = bytes.toString('utf8', 0, readSync(descriptor, bytes))
    // What is behind the last end of a line is none, or a part of one.
    return text
      .split('\n')
      .slice(0, -1)
      .slice(0, MOST_FINDINGS)
      .map((line) => {
        const { [ROW_KEY]: _, ...row } = JSON.parse(line)
        return row
      })
  } finally {
    closeSync(descriptor)
  }
}

/** What there is to tell of an image's end; its tables' files have still to be there. */
export function eventsOf(folder: string | null, { path, state, exitCode, error, outcome }: ImageEnd): HookEvent[] {
  const made = outcome?.kind === 'result' ? outcome : undefined
  const record = made?.record
  const image = {
    path,
    id: record === undefined ? null : imageId(record.job),
    sha256: record?.sha256 ?? null,
    hostname: record?.kernel?.hostname ?? null,
    release: record?.kernel?.release ?? null,
    state,
    exit_code: exitCode,
    error: error ?? null,
    tables: (record?.tables ?? []).map(({ table, rows }) => ({ table, rows })),
    warnings: record === undefined ? 0 : missed(record),
  }
  const common = { time: new Date().toISOString(), case: folder, image }
  const events: HookEvent[] = [{ event: state === 'failed' || state === 'lost' ? 'failed' : 'finished', ...common }]
  const count = image.tables.find(({ table }) => table === FINDINGS)?.rows ?? 0
  const file = made?.tables.find(({ analyzer }) => analyzer === FINDINGS)?.file
  if (count > 0 && file !== undefined && state !== 'lost')
    events.push({ event: 'finding', ...common, findings: { count, rows: firstRows(file) } })
  return events
}
