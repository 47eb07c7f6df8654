/** `struct kernel_param`: what a module was told, as /sys/module/NAME/parameters shows it (kernel/params.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { array, type Nested, type Selects, symbolAt, text } from './query.js'
import { readPointers, readTexts, readValues } from './values.js'

/** A module's parameters. One without a file below /sys may have kept its value in memory that is gone. */
export const PARAMETERS = {
  walk: array('kp', { count: 'num_kp', type: 'struct kernel_param' }),
  select: { name: text('name', 256), mode: 'perm', operations: symbolAt('ops'), argument: 'arg' },
} satisfies Nested

/** An array that has fewer elements than it may have says how many. */
const ARRAY = {
  most: 'max',
  number: '((unsigned int *)num)[0]',
  size: 'elemsize',
  operations: symbolAt('ops'),
  first: 'elem',
} satisfies Selects

const decimal = String
const yes = (value: number | bigint) => (BigInt(value) === 0n ? 'N' : 'Y')
const no = (value: number | bigint) => (BigInt(value) === 0n ? 'Y' : 'N')

/** What a parameter of a plain type is in C, and how it is shown. */
const TYPES: Readonly<Record<string, readonly [type: string, show: (value: number | bigint) => string]>> = {
  param_ops_byte: ['unsigned char', decimal],
  param_ops_short: ['short', decimal],
  param_ops_ushort: ['unsigned short', decimal],
  param_ops_int: ['int', decimal],
  param_ops_bint: ['int', decimal],
  param_ops_uint: ['unsigned int', decimal],
  param_ops_hexint: ['unsigned int', (value) => `0x${value.toString(16).padStart(6, '0')}`],
  param_ops_long: ['long', decimal],
  param_ops_ulong: ['unsigned long', decimal],
  param_ops_ullong: ['unsigned long long', decimal],
  param_ops_bool: ['bool', yes],
  param_ops_bool_enable_only: ['bool', yes],
  param_ops_invbool: ['bool', no],
}
const LONGEST = 4096
/** Elements of one array: more were made to exhaust memory. */
const MOST_ELEMENTS = 1024

/** A value by how it is kept. */
interface Kept {
  operations: string | null
  argument: bigint
}

/** `name=value` of each module's parameters, by the module's row; those that a module's own code would have to show stand without. */
export function readParameters(kernel: Kernel, found: Batch<(typeof PARAMETERS)['select']>): Map<number, string[]> {
  const kept = Array.from({ length: found.length }, (_, row): Kept => {
    const visible = found.column('mode').number(row) !== 0
    return {
      operations: visible ? found.column('operations').text(row) : null,
      argument: found.column('argument').bigint(row) ?? 0n,
    }
  })
  const values = joined(kernel, kept)
  const parameters = new Map<number, string[]>()
  for (let row = 0; row < found.length; row++) {
    const name = found.column('name').text(row) ?? '?'
    const value = values[row]
    const own = parameters.get(found.parents[row] ?? 0) ?? []
    parameters.set(found.parents[row] ?? 0, own)
    own.push(value == null ? name : `${name}=${value}`)
  }
  return parameters
}

/** The values, those of arrays joined by commas. */
function joined(kernel: Kernel, kept: readonly Kept[]): (string | null)[] {
  const values = shown(kernel, kept)
  const arrays = rowsOf(kept, 'param_array_ops')
  const at = arrays.map((row) => kept[row]?.argument ?? 0n)
  const found = kernel.at(at, 'struct kparam_array').select(ARRAY)
  for (const [index, row] of arrays.entries()) {
    const [size, first] = [found.column('size').number(index), found.column('first').bigint(index)]
    const length = found.column('number').number(index) ?? found.column('most').number(index)
    if (size === null || first === null || length === null) continue
    const elements = Array.from({ length: Math.min(length, MOST_ELEMENTS) }, (_, at) => ({
      operations: found.column('operations').text(index),
      argument: first + BigInt(at * size),
    }))
    values[row] = shown(kernel, elements)
      .map((value) => value ?? '')
      .join(',')
  }
  return values
}

/** What each value is in the words of its operations; null where they are a module's own. */
function shown(kernel: Kernel, kept: readonly Kept[]): (string | null)[] {
  const values: (string | null)[] = kept.map(() => null)
  const put = (operations: string, read: (addresses: bigint[]) => (string | null)[]) => {
    const rows = rowsOf(kept, operations)
    const found = read(rows.map((row) => kept[row]?.argument ?? 0n))
    for (const [index, row] of rows.entries()) values[row] = found[index] ?? null
  }
  for (const [operations, [type, show]] of Object.entries(TYPES)) {
    put(operations, (addresses) =>
      readValues(kernel, type, addresses).map((value) => (value === null ? null : show(value))),
    )
  }
  put('param_ops_charp', (addresses) => readTexts(kernel, readPointers(kernel, addresses), LONGEST))
  put('param_ops_string', (addresses) => readTexts(kernel, stringsOf(kernel, addresses), LONGEST))
  return values
}

function stringsOf(kernel: Kernel, addresses: readonly bigint[]): bigint[] {
  const strings = kernel.at(addresses, 'struct kparam_string').select({ string: 'string' }).column('string')
  return addresses.map((_, row) => strings.bigint(row) ?? 0n)
}

function rowsOf(kept: readonly Kept[], operations: string): number[] {
  return [...kept.keys()].filter((row) => kept[row]?.operations === operations)
}
