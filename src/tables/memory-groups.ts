/** All of memory by what it is and which container pays for it. */

import type { Kernel } from '../kernel/kernel.js'
import type { PageFile } from '../kernel/pages/page-files.js'
import { type PageGroup, readPageSummary } from '../kernel/pages/page-summary.js'
import { type Payer, readPayers } from '../kernel/pages/payers.js'
import { containersOfPayers, type PaidBy, pageClaims, pageFiles } from './pages.js'

/** Memory of one kind and owner, with who pays for it. */
export interface PaidGroup extends PageGroup, PaidBy {
  /** The memory cgroup, where one pays. */
  readonly group: Payer | null
}

/** Files that are named for one container. */
const MOST_FILES = 256

/** All of memory; read once per image. */
export function memoryGroups(kernel: Kernel): readonly PaidGroup[] {
  return kernel.once(readMemoryGroups)
}

function readMemoryGroups(kernel: Kernel): PaidGroup[] {
  const groups = readPageSummary(kernel, pageClaims(kernel))
  const payers = readPayers(kernel, new Set(groups.map(({ payer }) => payer).filter(Boolean)))
  const containers = containersOfPayers(kernel, payers)
  const nobody = { cgroup: null, container: null, container_name: null, pod: null }
  return groups.map((group) => ({
    ...group,
    ...(containers.get(group.payer) ?? nobody),
    group: payers.get(group.payer) ?? null,
  }))
}

/** Bytes of one kind of memory that one cgroup pays for. */
export interface MemoryShare extends PaidBy {
  kind: string
  bytes: number
}

/** How much of what each cgroup pays for, by cgroup, then most first. What nobody pays for comes first. */
export function memoryShares(kernel: Kernel): MemoryShare[] {
  const shares = new Map<string, MemoryShare>()
  for (const { kind, bytes, payer, cgroup, container, container_name, pod } of memoryGroups(kernel)) {
    const key = `${payer} ${kind}`
    const known = shares.get(key)
    if (known) known.bytes += bytes
    else shares.set(key, { kind, bytes, cgroup, container, container_name, pod })
  }
  const byText = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0)
  return [...shares.values()].sort(
    (left, right) =>
      byText(left.cgroup ?? '', right.cgroup ?? '') || right.bytes - left.bytes || byText(left.kind, right.kind),
  )
}

/** What one cgroup pays for of a file. */
export interface FilePayment extends PageFile, PaidBy {
  cgroup_id: number | bigint | null
  bytes: number
}

/** Who pays for pages of files, by path, then most first. */
export function filePayments(kernel: Kernel): FilePayment[] {
  const paid = memoryGroups(kernel).filter(({ kind, payer }) => kind === 'page cache' && payer !== 0n)
  const files = pageFiles(kernel, new Set(paid.map(({ owner }) => owner)))
  const payments = paid.flatMap(({ owner, group, bytes, cgroup, container, container_name, pod }) => {
    const file = files.get(owner)
    return file === undefined
      ? []
      : [{ ...file, cgroup, container, container_name, pod, cgroup_id: group?.id ?? null, bytes }]
  })
  const key = ({ path }: FilePayment) => path ?? ''
  return payments.sort((left, right) =>
    key(left) < key(right) ? -1 : key(left) > key(right) ? 1 : right.bytes - left.bytes,
  )
}

/** A cgroup that was removed, and what it still pays for. */
export interface RemovedGroup extends PaidBy {
  id: number | bigint | null
  bytes: number
  page_cache: number
  anonymous: number
  slab: number
  files: string[]
}

/** Removed cgroups that memory is still charged to, by their paths and ids. */
export function removedGroups(kernel: Kernel): RemovedGroup[] {
  const charged = memoryGroups(kernel).filter(({ group }) => group?.online === false)
  const files = pageFiles(
    kernel,
    new Set(charged.filter(({ kind }) => kind === 'page cache').map(({ owner }) => owner)),
  )
  const removed = new Map<bigint, RemovedGroup>()
  for (const one of charged) {
    const { payer, cgroup, container, container_name, pod } = one
    const known = removed.get(payer) ?? {
      ...{ id: one.group?.id ?? null, cgroup, container, container_name, pod },
      ...{ bytes: 0, page_cache: 0, anonymous: 0, slab: 0, files: [] },
    }
    removed.set(payer, known)
    known.bytes += one.bytes
    if (one.kind === 'page cache') known.page_cache += one.bytes
    if (one.kind === 'anonymous' || one.kind === 'ksm') known.anonymous += one.bytes
    if (one.kind === 'slab') known.slab += one.bytes
    const path = one.kind === 'page cache' ? files.get(one.owner)?.path : undefined
    if (path) known.files.push(path)
  }
  for (const group of removed.values()) {
    group.files.sort()
    const kept = kernel.capped('files of a removed cgroup', group.files.length, MOST_FILES)
    group.files.length = kept
  }
  const key = ({ cgroup, id }: RemovedGroup) => `${cgroup ?? ''} ${id}`
  return [...removed.values()].sort((left, right) => (key(left) < key(right) ? -1 : 1))
}
