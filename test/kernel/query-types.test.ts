/** What the compiler knows of a batch: `npm run check` holds these lines to the types. Nothing is run here but the spec. */

import { expect, expectTypeOf, test } from 'vitest'
import type { Batch, BatchRow, Column } from '../../dist/src/kernel/batch.js'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { rulesOf } from '../../dist/src/kernel/objects.js'
import {
  array,
  constantName,
  dPath,
  hash,
  index,
  list,
  type Nested,
  nestedSpec,
  object,
  optional,
  perCpuCopies,
  records,
  rhashtable,
  text,
} from '../../dist/src/kernel/query.js'

const FILES = {
  walk: array('files->fdt->fd', { count: 'files->fdt->max_fds', pointers: true, type: 'struct file' }),
  rules: [{ path: 'f_inode', is: 'pointer_or_null' }],
  select: { fd: index(), path: dPath('', '^.fs->root') },
  children: { inode: { walk: object('f_inode'), select: { size: 'i_size' } } },
} satisfies Nested

/** Queries that only the compiler sees. */
function asked(kernel: Kernel) {
  const tasks = kernel.list('init_task', 'struct task_struct', 'tasks')
  return {
    flat: tasks.select({ pid: 'pid', comm: text('comm') }),
    deep: tasks.select({ pid: 'pid', state: optional(constantName('exit_state')) }, { files: FILES }),
  }
}

type Asked = ReturnType<typeof asked>

test('a batch has the columns that were selected, and no other', () => {
  expectTypeOf<Asked['flat']>().toEqualTypeOf<Batch<{ readonly pid: 'pid'; readonly comm: ReturnType<typeof text> }>>()
  expectTypeOf<Asked['flat']['column']>().parameter(0).toEqualTypeOf<'pid' | 'comm'>()
  expectTypeOf<Asked['flat']['column']>().returns.toEqualTypeOf<Column>()
  // @ts-expect-error There is no such column.
  const wrong = (batch: Asked['flat']) => batch.column('tgid')
  expect(wrong).toBeTypeOf('function')
})

test('a row has the types that its columns are read as', () => {
  type Row = Asked['deep'] extends Batch<infer S, infer _> ? BatchRow<S> : never
  expectTypeOf<Row>().toEqualTypeOf<
    { address: bigint } & { readonly pid: number | bigint | null; readonly state: string | null }
  >()
})

test('a nested walk is there by its name, with its own columns and its own nested walks', () => {
  const files = (batch: Asked['deep']) => batch.child('files')
  const inodes = (batch: Asked['deep']) => batch.child('files').child('inode')
  expectTypeOf<Parameters<ReturnType<typeof files>['column']>>().toEqualTypeOf<[name: 'fd' | 'path']>()
  expectTypeOf<Parameters<ReturnType<typeof inodes>['column']>>().toEqualTypeOf<[name: 'size']>()
  // @ts-expect-error There is no such walk.
  const wrong = (batch: Asked['deep']) => batch.child('tasks')
  // @ts-expect-error Without nested walks there is none.
  const none = (batch: Asked['flat']) => batch.child('files')
  // @ts-expect-error The nested walk selects no such column.
  const column = (batch: Asked['deep']) => batch.child('files').column('pid')
  expect([files, inodes, wrong, none, column].every((ask) => typeof ask === 'function')).toBe(true)
})

test('what is written in TypeScript is what the core is asked', () => {
  expect(nestedSpec(FILES)).toEqual({
    walk: { kind: 'array', of: 'files->fdt->fd', count: 'files->fdt->max_fds', pointers: true, type: 'struct file' },
    // Those of its type come first.
    rules: [...rulesOf('struct file'), { path: 'f_inode', is: 'pointer_or_null' }],
    select: [
      { name: 'fd', path: '', as: 'index' },
      { name: 'path', path: '', as: 'd_path', root: '^.fs->root' },
    ],
    children: [
      {
        name: 'inode',
        optional: false,
        walk: { kind: 'object', of: 'f_inode' },
        rules: [],
        select: [{ name: 'size', path: 'i_size', as: 'value' }],
        children: [],
      },
    ],
  })
  expect(hash('ehash', 'struct sock', 'node', { count: 'mask + 1', head: 'chain' })).toEqual({
    kind: 'hash',
    of: 'ehash',
    count: 'mask + 1',
    head: 'chain',
    type: 'struct sock',
    link: 'node',
  })
  expect([rhashtable('ht', 't', 'node'), records('data', 'dlen', 't', 'size'), perCpuCopies('p')]).toEqual([
    { kind: 'rhashtable', of: 'ht', type: 't', link: 'node' },
    { kind: 'records', of: 'data', bytes: 'dlen', type: 't', size: 'size' },
    { kind: 'percpu', of: 'p' },
  ])
})

test("a type's rules are those of its name, whichever module it is said to be of", () => {
  const spec = (type: string) => JSON.stringify(nestedSpec({ walk: list('', type, 'list'), select: {} }))
  expect(spec('core:struct net')).toBe(spec('struct net').replace('struct net', 'core:struct net'))
  expect(spec('struct net')).toContain('netns_operations')
})
