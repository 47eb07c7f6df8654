/** Joins evidence files with memory. */

import type { EvidenceFile } from '../api/source.js'
import type { Warning } from '../warning.js'
import { AllowedJoin } from './joins/allowed.js'
import { ContainersJoin } from './joins/containers.js'
import { ExecsJoin } from './joins/execs.js'
import { FindingsJoin } from './joins/findings.js'
import { FlowsJoin } from './joins/flows.js'
import { type JoinRow, MOST_HELD } from './joins/join.js'
import { KeysJoin } from './joins/keys.js'
import { Memory, type MemoryTables } from './joins/memory.js'
import { type Origin, readEvidence } from './read.js'

export type { JoinRow } from './joins/join.js'
export type { MemoryTables } from './joins/memory.js'

/** One row for each record that fits memory or should, and for what memory has that the evidence lacks. */
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
    let origin: Origin = { source: 'unknown', file: file.path }
    const begin = (found: Origin) => {
      origin = found
    }
    for await (const record of readEvidence(file, begin, warn)) for (const join of joins) join.add(record, origin)
  }
  for (const join of joins) {
    yield* join.rows()
    if (join.leftOut > 0) {
      const message = `more than ${MOST_HELD} records of one kind: the others are not joined`
      warn({ code: 'cap', message, count: join.leftOut })
    }
  }
}
