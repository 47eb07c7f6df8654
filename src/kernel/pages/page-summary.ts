/** All of memory by what it is and who pays for it. */

import type { Kernel } from '../kernel.js'
import { native } from '../native.js'
import { CLAIMS, type Claim, type ClaimKind } from './claims.js'
import { type PageKind, pageKind, slabs } from './page-facts.js'

/** Counted in one call, so that it can be stopped between two: four million pages of 4 KiB. */
const PART = 16n << 30n

/** Memory of one kind, of one owner, for which one memory cgroup pays. */
export interface PageGroup {
  readonly kind: PageKind | ClaimKind
  /** The slab cache or the file's `address_space`; else 0. */
  readonly owner: bigint
  /** The `mem_cgroup`; 0 where nobody pays. */
  readonly payer: bigint
  readonly bytes: number
}

/** Counts all memory that the image holds. */
export function readPageSummary(kernel: Kernel, claims: readonly Claim[]): PageGroup[] {
  const ranges = BigUint64Array.from(claims.flatMap(({ start, end }) => [BigInt(start), BigInt(end)]))
  const what = Uint32Array.from(claims, ({ kind }) => CLAIMS.indexOf(kind) + 1)
  const last = kernel.info.ranges.reduce((most, { end }) => (BigInt(end) > most ? BigInt(end) : most), 0n)
  const groups = new Map<string, PageGroup>()
  let leftOut = 0
  for (let start = 0n; start < last; start += PART) {
    const found = native.pageSummary(kernel.id, slabs(kernel), ranges, what, start, start + PART)
    leftOut += found.leftOut
    for (const [row, claim] of found.claims.entries()) {
      const kind = kindOf(pageKind(found.kinds[row]), CLAIMS[claim - 1])
      const [owner, payer] = [found.owners[row] ?? 0n, found.payers[row] ?? 0n]
      const key = `${kind} ${owner} ${payer}`
      const bytes = (groups.get(key)?.bytes ?? 0) + Number(found.bytes[row] ?? 0n)
      groups.set(key, { kind, owner, payer, bytes })
    }
  }
  if (leftOut > 0) kernel.warn({ code: 'cap', message: 'bytes of memory of more owners than are kept', count: leftOut })
  const lost = [...groups.values()].filter(({ kind }) => kind === 'unreadable')
  const pages = lost.reduce((sum, { bytes }) => sum + bytes, 0) / kernel.info.page_size
  if (pages > 0) kernel.warn({ code: 'unreadable', message: 'a struct page could not be read', count: pages })
  return [...groups.values()]
}

function kindOf(kind: PageKind, claim: ClaimKind | undefined): PageKind | ClaimKind {
  return claim === undefined || !isBelieved(kind, claim) ? kind : claim
}

/** The kernel gives away what of its image it needs no more; the rest is reserved. */
export function isBelieved(kind: PageKind, claim: ClaimKind): boolean {
  return claim !== 'kernel image' || kind !== 'other'
}
