import type { OptionsData } from '../api/options.js'
import type { FromOption, Places, Scan } from '../api/scans.js'
import type { ChunkHits, Hits, Loss } from '../kernel/backend.js'
import { HEX, type ScanRequest, termsOf } from '../kernel/scans.js'
import type { Warning } from '../warning.js'
import { fromFailure, SalvorError, toFailure } from './errors.js'
import type { Pool } from './pool.js'
import { lossWarnings, WarningLog } from './warnings.js'

/** What one thread of a scan looks at before it takes another. */
const CHUNK_BYTES = 16 << 20
/** Chunks for each thread in the first call, and milliseconds that a call may take: few enough that cancelling is prompt. */
const CHUNKS_AT_ONCE = 4
const CALL_TIME = 250
/** Hits kept of one image. A hostile one may be made of nothing else, and each becomes a row. */
const MOST_HITS = 1 << 18

export interface ScanResult {
  readonly hits: BigUint64Array | Places
  readonly warnings: readonly Warning[]
}

export interface ScanPass {
  /** In the order of the requests; an error where the scan could not be made. */
  readonly results: readonly (ScanResult | SalvorError)[]
  /** What was lost of the image while it was read. */
  readonly lost: readonly Warning[]
}

export interface ScanOptions {
  readonly signal: AbortSignal
  readonly progress: (done: number, total: number) => void
}

/** A declared scan with the values of its analyzer's options. */
export function scanRequest(scan: Scan, options: OptionsData): ScanRequest {
  if (scan.kind === 'tasks') return { kind: 'tasks' }
  const hex = given(scan.hex ?? [], options).map(hexPattern)
  const patterns = [...given(scan.patterns, options), ...hex]
  const expressions = given(scan.expressions ?? [], options)
  return { kind: 'bytes', patterns, ...(expressions.length > 0 ? { expressions } : {}) }
}

function hexPattern(digits: string): { hex: string } {
  if (!HEX.test(digits)) throw new SalvorError('USAGE', `'${digits}' is not bytes in hexadecimal`)
  return { hex: digits }
}

/** What is asked for, or what an option gives of it. */
function given<T>(asked: readonly T[] | FromOption, options: OptionsData): readonly (T | string)[] {
  if (!('option' in asked)) return asked
  const isGiven = (name: string) => {
    const value = options[name] ?? null
    return value !== null && value !== false && !(Array.isArray(value) && value.length === 0)
  }
  if (asked.unless?.some(isGiven)) return []
  const value = options[asked.option] ?? []
  return Array.isArray(value) ? value : [String(value)]
}

/** Whether there is nothing to look for. */
function isIdle(request: ScanRequest): boolean {
  return request.kind === 'bytes' && request.patterns.length === 0 && (request.expressions ?? []).length === 0
}

/** By what two scans are one. */
export function scanKey(request: ScanRequest): string {
  return JSON.stringify(request)
}

/** Joins the hits of chunks, which come in the order of memory; those that two chunks found alike are one. */
export function mergeHits(parts: readonly Hits[]): Hits {
  const length = parts.reduce((sum, { addresses }) => sum + addresses.length, 0)
  const addresses = new BigUint64Array(length)
  const room = parts.some((part) => part.which.length > 0) ? length : 0
  const [which, lengths] = [new Uint32Array(room), new Uint32Array(room)]
  let offset = 0
  for (const part of parts) {
    addresses.set(part.addresses, offset)
    if (part.which.length > 0) which.set(part.which, offset)
    if (part.which.length > 0) lengths.set(part.lengths, offset)
    offset += part.addresses.length
  }
  // Those of one thing may be virtual addresses, which memory need not have in order.
  if (which.length > 0) return { addresses, which, lengths }
  addresses.sort()
  const once = addresses.filter((address, index) => index === 0 || address !== addresses[index - 1])
  return { addresses: once, which, lengths }
}

/**
 * Runs scans over an image's memory in one pass. One worker does it, by the native core's own threads: to start another
 * worker takes about as long as to scan 200 MiB.
 */
export async function scanImage(
  pool: Pool,
  image: number,
  requests: readonly ScanRequest[],
  options: ScanOptions,
): Promise<ScanPass> {
  const chunks = requests.every(isIdle)
    ? new BigUint64Array()
    : await pool.run<'chunks'>({ kind: 'chunks', image, bytes: CHUNK_BYTES })
  const { threads } = pool
  const parts: (readonly ChunkHits[])[] = []
  let lost: Loss | null = null
  // Threads wait for one another at the end of each call: where memory comes fast, calls become longer.
  let each = CHUNKS_AT_ONCE
  for (let at = 0; at < chunks.length; ) {
    if (options.signal.aborted) throw new SalvorError('INTERRUPTED', 'interrupted')
    const some = chunks.slice(at, at + threads * each * 2)
    const begin = performance.now()
    const answer = await pool.run<'scan'>({ kind: 'scan', image, requests, chunks: some, threads })
    parts.push(...answer.found)
    lost = answer.lost
    at += some.length
    options.progress(at / 2, chunks.length / 2)
    const took = performance.now() - begin
    if (took < CALL_TIME / 2) each *= 2
    else if (took > CALL_TIME) each = Math.max(1, each >> 1)
  }
  const results = requests.map((request, index) => {
    const chunksOf = parts.flatMap((part) => part[index] ?? [])
    try {
      return scanHits(request, chunksOf)
    } catch (error) {
      if (error instanceof SalvorError) return error
      throw error
    }
  })
  return { results, lost: lossWarnings(lost) }
}

/** The hits of one scan from those of its chunks. Throws where it could not be made. */
export function scanHits(request: ScanRequest, parts: readonly ChunkHits[]): ScanResult {
  const log = new WarningLog()
  const found: Hits[] = []
  for (const part of parts) {
    if (part.failed !== null) throw fromFailure(toFailure(Object.assign(new Error(), part.failed)))
    found.push(part.hits)
    for (const warning of part.warnings) log.add(warning)
  }
  const { addresses, which, lengths } = mergeHits(found)
  if (addresses.length > MOST_HITS) {
    const message = `more than ${MOST_HITS} hits: the rest is left out`
    log.add({ code: 'cap', message, count: addresses.length - MOST_HITS })
  }
  const length = Math.min(addresses.length, MOST_HITS)
  const kept = addresses.slice(0, length)
  if (request.kind === 'tasks') return { hits: kept, warnings: log.list() }
  // The core numbers what it is asked for in an order of its own.
  const { numbers } = termsOf(request)
  const asked = which.slice(0, length).map((number) => numbers[number] ?? number)
  return { hits: { length, addresses: kept, which: asked, lengths: lengths.slice(0, length) }, warnings: log.list() }
}
