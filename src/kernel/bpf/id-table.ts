/** Tables of ids, from which bpftool shows what there is (kernel/bpf/syscall.c): `prog_idr`, `map_idr`, `link_idr`. */

import type { Kernel } from '../kernel.js'
import { xarray } from '../query.js'

/** What a table of ids knows. */
export interface IdTable {
  addresses: ReadonlySet<bigint>
  /** Whether an object is missing in it; null where the table was not found, or a part of it is lost: it may be in that. */
  lacks: (address: bigint) => boolean | null
}

/** The table at a symbol, of objects of a type. */
export function readIdTable(kernel: Kernel, symbol: string, type: string): IdTable {
  const tables = kernel.addresses(symbol)
  const found = kernel.at(tables, 'struct idr').walk(xarray('', type)).select({})
  const addresses = new Set(found.addresses)
  const isWhole = tables.length > 0 && !found.torn
  return { addresses, lacks: (address) => (addresses.has(address) ? false : isWhole ? true : null) }
}
