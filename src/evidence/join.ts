/** Joins evidence files with memory. */

import type { EvidenceFile } from '../api/source.js'
import type { Warning } from '../warning.js'
import { AllowedJoin } from './joins/allowed.js'
import { ContainersJoin } from './joins/containers.js'
import { ExecsJoin } from './joins/execs.js'
import { FindingsJoin } from './joins/findings.js'
import { FlowsJoin } from './joins/flows.js'
import { type JoinRow, MOST_HELD, NOWHERE } from './joins/join.js'
import { KeysJoin } from './joins/keys.js'
import { Memory, type MemoryTables } from './joins/memory.js'
import { type Origin, readEvidence } from './read.js'

export type { JoinRow } from './joins/join.js'
export type { MemoryTables } from './joins/memory.js'

/** One row for each file, for each record that fits memory or should, and for what memory has that the evidence lacks. */
export async function* joinEvidence(
  files: readonly EvidenceFile[],
  tables: MemoryTables,
  warn: (warning: Warning) => void,
): AsyncGenerator<JoinRow> {
  const memory = new Memory(tables)
  const joins = [ContainersJoin, ExecsJoin, KeysJoin, FlowsJoin, AllowedJoin, FindingsJoin].map(
    (one) => new one(memory),
  )
  for (const file of files) {
    let origin: Origin | undefined
    const records: Record<string, number> = {}
    const begin = (found: Origin) => {
      origin = found
    }
    for await (const record of readEvidence(file, begin, warn)) {
      records[record.kind] = (records[record.kind] ?? 0) + 1
      if (origin !== undefined) for (const join of joins) join.add(record, origin)
    }
    if (origin !== undefined) yield fileRow(origin, records)
  }
  for (const join of joins) {
    yield* join.rows()
    if (join.leftOut > 0) {
      const message = `more than ${MOST_HELD} records of one kind: the others are not joined`
      warn({ code: 'cap', message, count: join.leftOut })
    }
  }
}

/** What a file was taken for: a join that finds nothing says something only where there was one for it. */
function fileRow({ source, file }: Origin, records: Readonly<Record<string, number>>): JoinRow {
  const row = { source, file, kind: 'file' as const, time: null, subject: source, ...NOWHERE }
  return { ...row, state: 'evidence only', detail: { records } }
}
