import type { Declaration } from '../api/analyzer.js'
import type { Value } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import { SalvorError } from '../engine/errors.js'

/** What the user wants to see of a table. Several values of one option are alternatives. */
export interface FilterOptions {
  readonly pid: readonly number[]
  readonly container: readonly string[]
}

export type RowFilter = (batch: Batch) => Batch

type Test = (value: Value) => boolean

function columnsMeaning({ columns }: Declaration, meaning: string): string[] {
  return Object.entries(columns).flatMap(([name, column]) => (column.meaning === meaning ? [name] : []))
}

function missing(option: string, analyzer: Declaration, all: readonly Declaration[], meanings: string[]): SalvorError {
  const able = all.filter((other) => meanings.some((meaning) => columnsMeaning(other, meaning).length > 0))
  const names = able.map(({ name }) => name).join(', ')
  const hint = names === '' ? '' : `; these have: ${names}`
  return new SalvorError('USAGE', `${option}: the table ${analyzer.name} has no such column${hint}`)
}

/** One entry per option: a row passes if any of its columns passes the test. */
function conditions(analyzer: Declaration, options: FilterOptions, all: readonly Declaration[]): [string, Test][][] {
  const result: [string, Test][][] = []
  if (options.pid.length > 0) {
    const wanted = new Set(options.pid)
    const pids = columnsMeaning(analyzer, 'pid')
    if (pids.length === 0) throw missing('--pid', analyzer, all, ['pid'])
    result.push(pids.map((name) => [name, (value) => value !== null && wanted.has(Number(value))]))
  }
  if (options.container.length > 0) {
    const byId: Test = (value) => typeof value === 'string' && options.container.some((id) => value.startsWith(id))
    const byName: Test = (value) => typeof value === 'string' && options.container.includes(value)
    const columns: [string, Test][] = [
      ...columnsMeaning(analyzer, 'container').map((name): [string, Test] => [name, byId]),
      ...columnsMeaning(analyzer, 'container_name').map((name): [string, Test] => [name, byName]),
    ]
    if (columns.length === 0) throw missing('--container', analyzer, all, ['container', 'container_name'])
    result.push(columns)
  }
  return result
}

/** The filter that the options ask for, or an error if this table cannot be filtered so. */
export function makeFilter(analyzer: Declaration, options: FilterOptions, all: readonly Declaration[]): RowFilter {
  const tests = conditions(analyzer, options, all)
  if (tests.length === 0) return (batch) => batch
  return (batch) => {
    const kept: number[] = []
    for (let index = 0; index < batch.length; index++) {
      const passes = tests.every((columns) =>
        columns.some(([name, test]) => test(batch.columns[name]?.[index] ?? null)),
      )
      if (passes) kept.push(index)
    }
    const columns = Object.entries(batch.columns).map(([name, values]): [string, Value[]] => [
      name,
      kept.map((index) => values[index] ?? null),
    ])
    return { length: kept.length, columns: Object.fromEntries(columns) }
  }
}
