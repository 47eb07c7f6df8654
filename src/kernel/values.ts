/** Plain C values at known addresses, many of one type in one query; at NULL there is none. */

import type { Column } from './batch.js'
import type { Kernel } from './kernel.js'
import { type Select, text } from './query.js'

export type Plain = number | bigint | null

/** Values of a C type, as `int` or `unsigned long`, in the order of their addresses; null where memory cannot be read. */
export function readValues(kernel: Kernel, type: string, addresses: readonly bigint[]): Plain[] {
  return read(kernel, type, addresses, '', (column, row) => column.exact(row))
}

/** Texts, each up to its NUL and `max` bytes at most. */
export function readTexts(kernel: Kernel, addresses: readonly bigint[], max: number): (string | null)[] {
  return read(kernel, 'char', addresses, text('', max), (column, row) => column.text(row))
}

/** What pointers at these addresses lead to; 0 is NULL or cannot be read. */
export function readPointers(kernel: Kernel, addresses: readonly bigint[]): bigint[] {
  return readValues(kernel, 'unsigned long', addresses).map((pointer) => BigInt(pointer ?? 0))
}

function read<T>(
  kernel: Kernel,
  type: string,
  addresses: readonly bigint[],
  value: Select,
  get: (column: Column, row: number) => T,
): (T | null)[] {
  const column = kernel
    .at(
      addresses.filter((address) => address !== 0n),
      type,
    )
    .select({ value })
    .column('value')
  let row = 0
  return addresses.map((address) => (address === 0n ? null : get(column, row++)))
}
