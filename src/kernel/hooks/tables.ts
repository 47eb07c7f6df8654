/** Tables of operations: structs of function pointers, each of which belongs to the kernel or to one module. */

import type { Batch } from '../batch.js'
import type { Kernel, Place } from '../kernel.js'
import { unlessLacking } from '../lacking.js'
import { placeText } from '../places.js'
import { type Children, chain, type Selects } from '../query.js'
import type { Pointer } from './pointer.js'

/** What of a table is looked at, with the name of what it was found at. */
export interface Found {
  table: bigint
  name: string | null
}

/** The pointers of tables of one type, each table once, named by where it was found first. */
export function tablePointers(
  kernel: Kernel,
  kind: string,
  type: string,
  members: Selects,
  found: readonly Found[],
): Pointer[] {
  const names = new Map<bigint, string | null>()
  for (const { table, name } of found) if (table !== 0n && !names.has(table)) names.set(table, name)
  const batch = kernel.ofKindsItHas().at(names.keys(), type).select(members)
  const places = kernel.resolve(batch.addresses)
  return Array.from({ length: batch.length }, (_, row) => {
    const place = places[row] ?? null
    const name = names.get(batch.address(row)) ?? placeText(place)
    return memberPointers(batch, row, Object.keys(members), { kind, name, owner: ownerOf(place) })
  }).flat()
}

/** How many words of a table there are from its symbol to the next one, `most` at most. */
export function wordsOf(kernel: Kernel, table: string, most: number): number {
  const [start] = kernel.addresses(table)
  if (start === undefined) return 0
  const places = kernel.resolve(Array.from({ length: most }, (_, word) => start + BigInt(word * 8)))
  const own = places.findIndex((place) => place?.symbol !== table)
  return own === -1 ? most : own
}

/** Whose functions a table may have: one of the kernel's own has the kernel's. */
export function ownerOf(table: Place | null): 'kernel' | null {
  return table?.module === 'kernel' ? 'kernel' : null
}

/**
 * Every object of a chain whose first a variable points to; null where the kernel was built without, and has neither the
 * variable nor the type. Throws where it has the variable alone.
 */
export function chained<const S extends Selects, const C extends Children = Record<string, never>>(
  kernel: Kernel,
  variable: string,
  type: string,
  select: S,
  children: C = {} as C,
): Batch<S, C> | null {
  const addresses = kernel.addresses(variable)
  // A variable that is a pointer lies as a list's head does.
  const read = () =>
    kernel
      .at(addresses, 'struct hlist_head')
      .walk(chain(`((${type} *)first)`, type, 'next'))
      .select(select, children)
  return addresses.length > 0 ? read() : unlessLacking(read).value
}

/** A pointer for each column of a row. */
export function memberPointers(
  batch: Batch<Selects>,
  row: number,
  members: readonly string[],
  { kind, name, owner }: Pick<Pointer, 'kind' | 'name' | 'owner'>,
): Pointer[] {
  return members.map((member) => ({
    kind,
    name: `${name ?? '?'} ${member}`,
    index: null,
    address: batch.column(member).bigint(row) ?? 0n,
    owner,
  }))
}
