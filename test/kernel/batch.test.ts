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
