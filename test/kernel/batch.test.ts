import { expect, test } from 'vitest'
import { Column } from '../../dist/src/kernel/batch.js'
import { type Kernel, Objects } from '../../dist/src/kernel/kernel.js'
import { object } from '../../dist/src/kernel/query.js'

const none = new Uint8Array(1)
const numbers = new Column('pid', { kind: 'u64', unsigned: new BigUint64Array([7n]), nulls: none })
const texts = new Column('comm', {
  kind: 'text',
  bytes: new TextEncoder().encode('init'),
  offsets: new Uint32Array([0, 4]),
  nulls: none,
})

const bytes = new Column('address', {
  kind: 'bytes',
  bytes: new Uint8Array([0xff, 0, 7, 1]),
  offsets: new Uint32Array([0, 3, 3, 3, 4]),
  nulls: new Uint8Array([0b100]),
})

test('bytes are a view of those of the batch, of nothing where there are none, and null where they could not be read', () => {
  expect([0, 1, 2, 3].map((row) => bytes.bytes(row))).toEqual([
    new Uint8Array([0xff, 0, 7]),
    new Uint8Array(),
    null,
    new Uint8Array([1]),
  ])
  expect(bytes.get(0)).toEqual(new Uint8Array([0xff, 0, 7]))
  expect(() => bytes.text(0)).toThrow("the column 'address' holds bytes, not text: read it with .bytes()")
  expect(() => bytes.number(0)).toThrow("the column 'address' holds bytes, not numbers: read it with .bytes()")
  expect(() => texts.bytes(0)).toThrow("the column 'comm' holds text, not bytes: read it with .text()")
  expect(() => numbers.bytes(0)).toThrow(
    "the column 'pid' holds numbers, not bytes: read it with .number() or .bigint()",
  )
})

test('a column read as what it is not is an error that names it, never a null that says "unreadable"', () => {
  expect(() => numbers.text(0)).toThrow("the column 'pid' holds numbers, not text: read it with .number() or .bigint()")
  expect(() => texts.number(0)).toThrow("the column 'comm' holds text, not numbers: read it with .text()")
  expect(() => texts.bigint(0)).toThrow("the column 'comm' holds text, not numbers: read it with .text()")
  expect([numbers.number(0), numbers.bigint(0), texts.text(0)]).toEqual([7, 7n, 'init'])
})

test('a second walk is never taken for the first', () => {
  const tasks = new Objects({} as Kernel, { symbol: 'init_task', type: 'struct task_struct' }, null, null)
  const walked = tasks.walk(object('mm'))
  expect(() => walked.walk(object('nsproxy'))).toThrow('a walk is there already: nest another by select')
})
