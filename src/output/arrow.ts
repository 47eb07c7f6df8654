/** Tables as Apache Arrow: the types in which nothing of a column is lost. */

import type { DataType, RecordBatch, Vector } from 'apache-arrow'
import type { Column, Columns, Value } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import { microseconds } from '../case/rows-file.js'
import { jsonValue } from './values.js'

/** The library as its user has loaded it, too: two copies of it would not know each other's vectors. */
export type Arrow = typeof import('apache-arrow')

/** Of 20 digits: a column has signed and unsigned numbers of 64 bits. */
const DIGITS = 20

function typeOf({ Bool, Decimal, Field, List, TimestampMicrosecond, Uint64, Utf8 }: Arrow, { type }: Column): DataType {
  switch (type) {
    case 'address':
      return new Uint64()
    case 'integer':
    case 'count':
    case 'bytes':
      return new Decimal(0, DIGITS, 128)
    case 'time':
      return new TimestampMicrosecond('UTC')
    case 'flag':
      return new Bool()
    case 'list':
      return new List(new Field('item', new Utf8(), true))
    default:
      return new Utf8()
  }
}

/** A signed number as Arrow keeps a decimal: 128 bits, the lowest 32 first. */
function decimal(value: number | bigint): Uint32Array {
  const bits = BigInt.asUintN(128, BigInt(value))
  return Uint32Array.from([0n, 32n, 64n, 96n], (shift) => Number((bits >> shift) & 0xffffffffn))
}

function arrowValue({ type }: Column, value: Value): unknown {
  if (value === null) return null
  switch (type) {
    case 'address':
      return BigInt(value as number | bigint)
    case 'integer':
    case 'count':
    case 'bytes':
      return decimal(value as number | bigint)
    case 'record':
    case 'artifact':
      return JSON.stringify(jsonValue(value))
    default:
      return value
  }
}

function vectorOf(library: Arrow, column: Column, values: ArrayLike<Value>, length: number): Vector {
  const type = typeOf(library, column)
  if (column.type === 'time') return timesOf(library, values, length)
  const builder = library.makeBuilder({ type, nullValues: [null, undefined] })
  for (let index = 0; index < length; index++) builder.append(arrowValue(column, values[index] ?? null))
  return builder.finish().toVector()
}

/** Made of its words: the library's own way to write a time takes milliseconds. */
function timesOf(library: Arrow, values: ArrayLike<Value>, length: number): Vector {
  const data = new BigInt64Array(length)
  const valid = new Uint8Array(Math.ceil(length / 64) * 8)
  let nulls = 0
  for (let index = 0; index < length; index++) {
    const value = values[index]
    const found = typeof value === 'string' ? microseconds(value) : null
    if (found === null) nulls++
    else {
      data[index] = found
      valid[index >> 3] = (valid[index >> 3] ?? 0) | (1 << (index & 7))
    }
  }
  const type = new library.TimestampMicrosecond('UTC')
  return library.makeVector(library.makeData({ type, length, nullCount: nulls, nullBitmap: valid, data }))
}

export function recordBatch(library: Arrow, columns: Columns, { columns: values, length }: Batch): RecordBatch {
  const entries = Object.entries(columns)
  const fields = entries.map(([name, column]) => new library.Field(name, typeOf(library, column), true))
  const vectors = entries.map(([name, column]) => vectorOf(library, column, values[name] ?? [], length))
  const schema = new library.Schema(fields)
  const type = new library.Struct(fields)
  const children = vectors.map((vector) => vector.data[0]).filter((data) => data !== undefined)
  return new library.RecordBatch(schema, library.makeData({ type, length, nullCount: 0, children }))
}
