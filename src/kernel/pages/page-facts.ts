/** What pages are by their own `struct page`s (include/linux/mm_types.h); read in the native core. */

import type { Kernel } from '../kernel.js'
import { native } from '../native.js'
import { readSlabCaches } from './slab-caches.js'

/** In the order of `Kind` in `native/src/pages/facts.rs`. */
const KINDS = [
  'outside',
  'unreadable',
  'other',
  'reserved',
  'slab',
  'anonymous',
  'ksm',
  'page cache',
  'page table',
  'offline',
  'zsmalloc',
  'large kmalloc',
] as const

/**
 * What a page is: one without a `struct page` is `outside`; of `other` and `reserved` ones it says only that the kernel
 * has them. `ksm` is anonymous memory that equal pages share.
 */
export type PageKind = (typeof KINDS)[number]

/** The kind that a page says it is of. */
export function pageKind(number: number | undefined): PageKind {
  return KINDS[number ?? 1] ?? 'unreadable'
}

/** Whether somebody else may tell what a page is of which its `struct page` says this. */
export function isUntold(kind: PageKind): boolean {
  return kind === 'outside' || kind === 'unreadable' || kind === 'other' || kind === 'reserved'
}

/** What lies at a physical address; 0 where there is nothing of the kind. */
export interface PageFacts {
  readonly kind: PageKind
  /** The slab cache or the file's `address_space`. */
  readonly owner: bigint
  /** Of a file's page: its number in the file. */
  readonly index: bigint
  /** The slab object. */
  readonly object: bigint
  /** The `mem_cgroup` that pays. */
  readonly payer: bigint
}

/** What lies at physical addresses, in their order. */
export function readPageFacts(kernel: Kernel, addresses: BigUint64Array): PageFacts[] {
  const facts = native.pageFacts(kernel.id, slabs(kernel), addresses)
  return Array.from(facts.kinds, (kind, row) => ({
    kind: pageKind(kind),
    owner: facts.owners[row] ?? 0n,
    index: facts.indexes[row] ?? 0n,
    object: facts.objects[row] ?? 0n,
    payer: facts.payers[row] ?? 0n,
  }))
}

/** The slab caches that the core believes pages of. */
export function slabs(kernel: Kernel): BigUint64Array {
  return BigUint64Array.from(readSlabCaches(kernel).keys())
}

/** Where a page is mapped: in which of the address spaces that were asked, and at which address. */
export interface PageMapping {
  readonly mm: bigint
  readonly address: bigint
}

/** Where processes map pages, by the pages' physical addresses. */
export function readPageMappings(
  kernel: Kernel,
  mms: readonly bigint[],
  pages: Iterable<bigint>,
): Map<bigint, PageMapping[]> {
  const sorted = BigUint64Array.from(new Set(pages)).sort()
  const found = native.mappedPages(kernel.id, BigUint64Array.from(mms), sorted, false)
  if (found.lost > 0) {
    kernel.warn({
      code: 'unreadable',
      message: "some of processes' page tables are not in the image",
      count: found.lost,
    })
  }
  if (found.capped) {
    kernel.warn({ code: 'cap', message: 'pages are mapped more often than is kept: the rest is left out' })
  }
  const mappings = new Map<bigint, PageMapping[]>()
  for (const [row, which] of found.which.entries()) {
    const physical = sorted[which] ?? 0n
    const one = { mm: mms[found.spaces[row] ?? 0] ?? 0n, address: found.addresses[row] ?? 0n }
    const known = mappings.get(physical)
    if (known) known.push(one)
    else mappings.set(physical, [one])
  }
  return mappings
}
