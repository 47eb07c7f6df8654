/** For tests of analyzers, imported from 'salvor/testing': runs one on an image, without workers or output. */

import type { Analyzer, RunContext, Yielded } from '../api/analyzer.js'
import type { Columns, Row } from '../api/columns.js'
import { Rows, Table } from '../api/table.js'
import { RowCheck } from '../engine/row-check.js'
import { lossWarnings } from '../engine/warnings.js'
import { backend } from '../kernel/backend.js'
import { sampleImage } from '../sample.js'
import type { Warning } from '../warning.js'

export { sampleImage } from '../sample.js'

const CHUNK_BYTES = 64 << 20

/** What an analyzer yielded, and what it warned of. */
export interface Result<C extends Columns> {
  rows: Row<C>[]
  warnings: Warning[]
}

/**
 * Runs an analyzer on an image, the embedded sample unless told otherwise. `tables` stand for those it needs. Throws
 * what the analyzer throws, what opening the image throws, and what a row that is not as declared makes of a run.
 */
export async function runAnalyzer<C extends Columns>(
  analyzer: Analyzer<C>,
  image: string = sampleImage(),
  tables: Record<string, Table> = {},
): Promise<Result<C>> {
  const { id } = backend.open(image, { cacheDir: null })
  const warnings: Warning[] = []
  const warn = (warning: Warning) => void warnings.push(warning)
  const context: RunContext = {
    kernel: backend.attach(id, warn),
    tables,
    scans: { tasks: (analyzer.scans ?? []).includes('tasks') ? scan(id) : new BigUint64Array() },
    log: () => {},
    warn,
    progress: () => {},
    signal: new AbortController().signal,
  }
  const rows: Row<C>[] = []
  const check = new RowCheck(analyzer.columns)
  try {
    for await (const yielded of analyzer.run(context)) {
      for (const row of rowsOf<C>(yielded)) {
        check.row(row)
        rows.push(row)
      }
    }
    warnings.push(...lossWarnings(backend.lost(id)))
  } finally {
    backend.close(id)
  }
  return { rows, warnings }
}

function rowsOf<C extends Columns>(yielded: Yielded<C>): Iterable<Row<C>> {
  if (yielded instanceof Rows) return new Table<C>('', yielded.length, yielded.columns).rows()
  return Array.isArray(yielded) ? yielded : [yielded as Row<C>]
}

function scan(id: number): BigUint64Array {
  const flat = backend.chunks(id, CHUNK_BYTES)
  const hits: bigint[] = []
  for (let at = 0; at + 1 < flat.length; at += 2) {
    hits.push(...backend.scan('tasks', id, flat[at] ?? 0n, flat[at + 1] ?? 0n).addresses)
  }
  return BigUint64Array.from(new Set(hits)).sort()
}
