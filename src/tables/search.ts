/** What is found in memory, with what each place is and who pays for it. */

import type { Places } from '../api/scans.js'
import type { Kernel } from '../kernel/kernel.js'
import { type NativeHits, native } from '../kernel/native.js'
import { type ScanRequest, termsOf } from '../kernel/scans.js'
import { describePages, type PageOwner } from './pages.js'
import { isScoped, type SearchScope, scopedFiles, scopedProcesses } from './scopes.js'

/** How much of what is found is shown. */
export interface SearchLimits {
  /** Bytes before and after. */
  readonly context: number
  /** Hits. */
  readonly most: number
}

/** Something that was found. */
export interface SearchHit extends PageOwner {
  /** What was asked for. */
  pattern: string
  length: number
  /** What is there, with what does not print as dots. */
  match: string
  context: string
}

type Request = ScanRequest & { kind: 'bytes' }

/** A place at which something was found. */
export interface Found {
  readonly physical: bigint
  readonly which: number
  readonly length: number
  /** The process that was searched, and where the place is in its memory. */
  readonly seen?: { readonly pid: number | null; readonly comm: string | null; readonly address: bigint }
}

/** Bytes of a hit that are shown; what matches may have 4 KiB. */
const SHOWN = 256

/**
 * Everything that was found: in the scope, or where none is given at the places that a scan of physical memory gave.
 * `labels` are what was asked for, in the order of its numbers.
 */
export function searchHits(
  kernel: Kernel,
  request: Request,
  labels: readonly string[],
  places: Places,
  scope: SearchScope,
  limits: SearchLimits,
): SearchHit[] {
  const found = isScoped(scope)
    ? [...inProcesses(kernel, request, scope), ...inFiles(kernel, request, scope)]
    : all(places)
  const kept = found.slice(0, kernel.capped('places', found.length, limits.most))
  // What pages are is asked of half of the kernel.
  if (kept.length === 0) return []
  const owners = describePages(
    kernel,
    kept.map(({ physical }) => physical),
  )
  const around = surroundings(kernel, kept, limits.context)
  return kept.map(({ which, length, seen }, row) => {
    const owner = owners[row] as PageOwner
    return { ...owner, ...seen, pattern: labels[which] ?? '', length, ...around(row) }
  })
}

function all({ length, addresses, which, lengths }: Places): Found[] {
  return Array.from({ length }, (_, row) => ({
    physical: addresses[row] ?? 0n,
    which: which[row] ?? 0,
    length: lengths[row] ?? 0,
  }))
}

/** What lies at places, and around them within their pages. */
export function surroundings(kernel: Kernel, found: readonly Found[], context: number) {
  const addresses = BigUint64Array.from(found, ({ physical }) => physical)
  const lengths = Uint32Array.from(found, ({ length }) => Math.min(length, SHOWN))
  const around = native.surroundings(kernel.id, addresses, lengths, context, context)
  return (row: number): { match: string; context: string } => {
    const bytes = around.bytes.subarray(around.offsets[row], around.offsets[row + 1])
    const begin = around.begins[row] ?? 0
    return { match: printed(bytes.subarray(begin, begin + (lengths[row] ?? 0))), context: printed(bytes) }
  }
}

/** As hex dumps print bytes: what is no printing ASCII is a dot. */
function printed(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.map((byte) => (byte >= 0x20 && byte < 0x7f ? byte : 0x2e)))
}

function hitsOf(kernel: Kernel, request: Request, hits: NativeHits): Found[] {
  const { numbers } = termsOf(request)
  if (hits.capped) kernel.warn({ code: 'cap', message: 'more is found than is kept: the rest is left out' })
  return Array.from(hits.physical, (physical, row) => ({
    physical,
    which: numbers[hits.which[row] ?? 0] ?? 0,
    length: hits.lengths[row] ?? 0,
  }))
}

function inProcesses(kernel: Kernel, request: Request, scope: SearchScope): Found[] {
  const spec = JSON.stringify(termsOf(request).spec)
  return scopedProcesses(kernel, scope).flatMap(([mm, { pid, comm }]) => {
    const hits = native.searchProcess(kernel.id, mm, BigUint64Array.of(0n, (1n << 64n) - 1n), spec)
    if (hits === null) {
      kernel.warn({ code: 'unreadable', message: "a process's page tables could not be read", count: 1 })
      return []
    }
    return hitsOf(kernel, request, hits).map((hit, row) => ({
      ...hit,
      seen: { pid, comm, address: hits.addresses[row] ?? 0n },
    }))
  })
}

/** Files of which something is in memory. */
function inFiles(kernel: Kernel, request: Request, scope: SearchScope): Found[] {
  const spec = JSON.stringify(termsOf(request).spec)
  return scopedFiles(kernel, scope).flatMap(({ address }) => {
    const hits = address === null ? null : native.searchFile(kernel.id, address, spec)
    if (hits === null) kernel.warn({ code: 'unreadable', message: "a file's inode could not be read", count: 1 })
    return hits === null ? [] : hitsOf(kernel, request, hits)
  })
}
