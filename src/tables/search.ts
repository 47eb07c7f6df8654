/** What is found in memory, with what each place is and who pays for it. */

import type { Places } from '../api/scans.js'
import type { Kernel } from '../kernel/kernel.js'
import { type NativeHits, native } from '../kernel/native.js'
import { type ScanRequest, termsOf } from '../kernel/scans.js'
import { memoryGroups } from './memory-groups.js'
import { describePages, membersByMemory, type PageOwner, pageFiles } from './pages.js'

/** Where is searched: in the memory of processes, of containers, in files. Nothing given is all of physical memory. */
export interface SearchScope {
  readonly process: readonly string[]
  readonly in_container: readonly string[]
  readonly path: readonly string[]
}

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

/** A place at which something was found. */
interface Found {
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
  request: ScanRequest & { kind: 'bytes' },
  labels: readonly string[],
  places: Places,
  scope: SearchScope,
  limits: SearchLimits,
): SearchHit[] {
  const given = scope.process.length + scope.in_container.length + scope.path.length > 0
  const found = given ? [...inProcesses(kernel, request, scope), ...inFiles(kernel, request, scope.path)] : all(places)
  const kept = found.slice(0, kernel.capped('places', found.length, limits.most))
  const owners = describePages(
    kernel,
    kept.map(({ physical }) => physical),
  )
  const around = surroundings(kernel, kept, limits.context)
  return kept.map(({ which, length, seen }, row) => {
    const { bytes, begin } = around(row)
    const owner = owners[row] as PageOwner
    return {
      ...owner,
      ...seen,
      pattern: labels[which] ?? '',
      length,
      match: printed(bytes.subarray(begin, begin + Math.min(length, SHOWN))),
      context: printed(bytes),
    }
  })
}

function all({ length, addresses, which, lengths }: Places): Found[] {
  return Array.from({ length }, (_, row) => ({
    physical: addresses[row] ?? 0n,
    which: which[row] ?? 0,
    length: lengths[row] ?? 0,
  }))
}

/** Bytes around places, within their pages. */
function surroundings(kernel: Kernel, found: readonly Found[], context: number) {
  const addresses = BigUint64Array.from(found, ({ physical }) => physical)
  const lengths = Uint32Array.from(found, ({ length }) => Math.min(length, SHOWN))
  const around = native.surroundings(kernel.id, addresses, lengths, context, context)
  return (row: number) => ({
    bytes: around.bytes.subarray(around.offsets[row], around.offsets[row + 1]),
    begin: around.begins[row] ?? 0,
  })
}

/** As hex dumps print bytes: what is no printing ASCII is a dot. */
function printed(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.map((byte) => (byte >= 0x20 && byte < 0x7f ? byte : 0x2e)))
}

function hitsOf(kernel: Kernel, request: ScanRequest & { kind: 'bytes' }, hits: NativeHits): Found[] {
  const { numbers } = termsOf(request)
  if (hits.capped) kernel.warn({ code: 'cap', message: 'more is found than is kept: the rest is left out' })
  return Array.from(hits.physical, (physical, row) => ({
    physical,
    which: numbers[hits.which[row] ?? 0] ?? 0,
    length: hits.lengths[row] ?? 0,
  }))
}

/** A container is asked for by its name, or by its id or the beginning of that. */
function isIn(asked: readonly string[], container: string | null, name: string | null): boolean {
  return container !== null && asked.some((one) => one !== '' && (container.startsWith(one) || name === one))
}

function inProcesses(kernel: Kernel, request: ScanRequest & { kind: 'bytes' }, scope: SearchScope): Found[] {
  const pids = new Set(scope.process.flatMap((text) => text.split(',')).map(Number))
  const spec = JSON.stringify(termsOf(request).spec)
  const all = [...membersByMemory(kernel)]
  const chosen = all.filter(
    ([, { pid, container, container_name }]) =>
      (pid !== null && pids.has(pid)) || isIn(scope.in_container, container, container_name),
  )
  if (chosen.length === 0 && scope.process.length + scope.in_container.length > 0) {
    kernel.warn({ code: 'absent', message: 'there is no process of those asked for that has memory' })
  }
  return chosen.flatMap(([mm, { pid, comm }]) => {
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

/** Whether a path is one that is asked for, in which `*` stands for anything. */
export function isAsked(asked: string, path: string): boolean {
  const parts = asked.split('*')
  const [first = '', last = ''] = [parts[0], parts.at(-1)]
  if (parts.length === 1) return path === asked || path.startsWith(asked.endsWith('/') ? asked : `${asked}/`)
  if (!path.startsWith(first) || path.length < first.length + last.length || !path.endsWith(last)) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = path.indexOf(part, at)
    if (found < 0 || found + part.length > path.length - last.length) return false
    at = found + part.length
  }
  return true
}

/** Files of which something is in memory. */
function inFiles(kernel: Kernel, request: ScanRequest & { kind: 'bytes' }, paths: readonly string[]): Found[] {
  if (paths.length === 0) return []
  const spec = JSON.stringify(termsOf(request).spec)
  const cached = memoryGroups(kernel).filter(({ kind }) => kind === 'page cache')
  const files = [...pageFiles(kernel, new Set(cached.map(({ owner }) => owner))).values()]
  const chosen = files.filter(({ path }) => path !== null && paths.some((asked) => isAsked(asked, path)))
  if (chosen.length === 0) kernel.warn({ code: 'absent', message: 'no file of those asked for is in memory' })
  return chosen.flatMap(({ address }) => {
    const hits = address === null ? null : native.searchFile(kernel.id, address, spec)
    if (hits === null) kernel.warn({ code: 'unreadable', message: "a file's inode could not be read", count: 1 })
    return hits === null ? [] : hitsOf(kernel, request, hits)
  })
}
