import type { ScanName } from '../api/analyzer.js'
import type { Loss } from '../kernel/backend.js'
import type { Warning } from '../warning.js'
import { SalvorError } from './errors.js'
import type { Pool } from './pool.js'
import { lossWarnings, WarningLog } from './warnings.js'

/** Long enough that a task's overhead vanishes, short enough that cancelling is prompt. */
const CHUNK_BYTES = 16 << 20
/** Hits kept of one image. A hostile one may be made of nothing else, and each becomes a row. */
const MOST_HITS = 1 << 18

export interface ScanResult {
  /** Ascending, each once. */
  readonly addresses: BigUint64Array
  readonly warnings: readonly Warning[]
  /** What was lost of the image while it was read. */
  readonly lost: readonly Warning[]
}

export interface ScanOptions {
  readonly signal: AbortSignal
  readonly progress: (done: number, total: number) => void
}

/** Sorts hits and drops those that two chunks found alike. */
export function mergeHits(parts: readonly BigUint64Array[]): BigUint64Array {
  const all = new BigUint64Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    all.set(part, offset)
    offset += part.length
  }
  all.sort()
  return all.filter((address, index) => index === 0 || address !== all[index - 1])
}

/** Runs a scan over an image's memory, chunk by chunk on the pool. */
export async function scan(pool: Pool, image: number, name: ScanName, options: ScanOptions): Promise<ScanResult> {
  const chunks = await pool.run<'chunks'>({ kind: 'chunks', image, bytes: CHUNK_BYTES })
  const total = chunks.length / 2
  const parts = new Array<BigUint64Array>(total)
  const warnings = new Array<readonly Warning[]>(total)
  let lost: Loss | null = null
  let next = 0
  let done = 0
  const lane = async (): Promise<void> => {
    while (next < total) {
      const index = next++
      if (options.signal.aborted) throw new SalvorError('INTERRUPTED', 'interrupted')
      const [start = 0n, length = 0n] = chunks.subarray(index * 2, index * 2 + 2)
      const hits = await pool.run<'scan'>({ kind: 'scan', image, scan: name, start, length })
      parts[index] = hits.addresses
      warnings[index] = hits.warnings
      // Chunks end in any order, and the most that one of them knows of is all.
      if ((hits.lost?.bytes ?? 0) > (lost?.bytes ?? 0)) lost = hits.lost
      options.progress(++done, total)
    }
  }
  // Two chunks per thread: a worker that has finished one finds the next already waiting.
  const lanes = Array.from({ length: pool.threads * 2 }, lane)
  try {
    await Promise.all(lanes)
  } finally {
    next = total
  }
  const log = new WarningLog()
  for (const warning of warnings.flat()) log.add(warning)
  const addresses = mergeHits(parts)
  if (addresses.length > MOST_HITS) {
    log.add({
      code: 'cap',
      message: `more than ${MOST_HITS} hits: the rest is left out`,
      count: addresses.length - MOST_HITS,
    })
  }
  return { addresses: addresses.slice(0, MOST_HITS), warnings: log.list(), lost: lossWarnings(lost) }
}
