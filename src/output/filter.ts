import type { Declaration } from '../api/analyzer.js'
import type { Column, Value } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import { SalvorError } from '../engine/errors.js'
import { jsonCell } from './values.js'

/** What --container names in one image. */
export interface ContainerChoice {
  /** Containers that are known. */
  readonly ids: ReadonlySet<string>
  readonly names: ReadonlySet<string>
  /** Beginnings of ids that only some table may know: of a container that is gone. */
  readonly beginnings: readonly string[]
  /** Names of the containers there are; absent where they could not be looked up. */
  readonly known?: readonly string[]
}

/** What the user wants to see of a table. Several values of one option are alternatives. */
export interface FilterOptions {
  readonly pid: readonly number[]
  /** As it was asked for. */
  readonly container: readonly string[]
  /** All of them must hold. */
  readonly where?: readonly Condition[]
}

/** `--where type=overlay`, or with `!=` that a column is not so. */
export interface Condition {
  readonly column: string
  /** As JSON or CSV write the value; empty for null. */
  readonly value: string
  readonly negated: boolean
}

export interface RowFilter {
  /** The options as the user gave them, and what could have been given; nothing is asked for without. */
  readonly asked?: string
  readonly keep: (batch: Batch) => Batch
}

type Test = (value: Value) => boolean

function columnsMeaning({ columns }: Declaration, ...meanings: readonly string[]): string[] {
  return Object.entries(columns).flatMap(([name, { meaning }]) => (meanings.includes(meaning ?? '') ? [name] : []))
}

/** Which column each option asks about. `pid` is the process that a row belongs to, and no other that it names. */
const ABOUT = {
  '--pid': { meanings: ['pid'], owner: 'no one process' },
  '--container': { meanings: ['container', 'container_name'], owner: 'no container' },
} as const

/** Refuses a filter that makes no sense for a table: its rows would all be left out, and that would look like a finding. */
export function checkFilter(analyzer: Declaration, options: FilterOptions, all: readonly Declaration[]): void {
  const given = { '--pid': options.pid.length > 0, '--container': options.container.length > 0 }
  for (const option of ['--pid', '--container'] as const) {
    const { meanings, owner } = ABOUT[option]
    if (!given[option] || columnsMeaning(analyzer, ...meanings).length > 0) continue
    const able = all.filter((other) => columnsMeaning(other, ...meanings).length > 0).map(({ name }) => name)
    const hint = able.length === 0 ? '' : `; rows of these do: ${able.join(', ')}`
    throw new SalvorError('USAGE', `${option}: a row of ${analyzer.name} belongs to ${owner}${hint}`)
  }
}

/** One entry per option: a row passes if any of its columns passes the test. */
function conditions(analyzer: Declaration, pid: readonly number[], container?: ContainerChoice): [string, Test][][] {
  const result: [string, Test][][] = []
  if (pid.length > 0) {
    const wanted = new Set(pid)
    const passes: Test = (value) => value !== null && wanted.has(Number(value))
    result.push(columnsMeaning(analyzer, 'pid').map((name) => [name, passes]))
  }
  if (container !== undefined) {
    const { ids, names, beginnings } = container
    const isId: Test = (value) =>
      typeof value === 'string' && (ids.has(value) || beginnings.some((beginning) => value.startsWith(beginning)))
    const isName: Test = (value) => typeof value === 'string' && names.has(value)
    // A name may be another container's too: it counts only where a table has no ids.
    const byId = columnsMeaning(analyzer, 'container').map((name): [string, Test] => [name, isId])
    const byName = columnsMeaning(analyzer, 'container_name').map((name): [string, Test] => [name, isName])
    result.push(byId.length > 0 ? byId : byName)
  }
  return result
}

/** Whether a cell is what was asked for: of a list, any of its items. */
function isAsked(column: Column, value: Value, { value: wanted, negated }: Condition): boolean {
  const cell = jsonCell(column, value)
  const items = Array.isArray(cell) ? cell : [cell]
  const texts = items.map((item) =>
    item === null ? '' : typeof item === 'object' ? JSON.stringify(item) : String(item),
  )
  return texts.includes(wanted) !== negated
}

function whereTests({ columns }: Declaration, where: readonly Condition[]): [string, Test][][] {
  return where.map((condition) => {
    const column = columns[condition.column]
    return [[condition.column, (value) => column !== undefined && isAsked(column, value, condition)]]
  })
}

function wordsFor({ pid, container, where = [] }: FilterOptions, choice: ContainerChoice | undefined): string {
  const words = [
    ...(pid.length === 0 ? [] : [`--pid ${pid.join(',')}`]),
    ...(container.length === 0 ? [] : [`--container ${container.join(',')}`]),
    ...where.map(({ column, value, negated }) => `--where ${column}${negated ? '!=' : '='}${value}`),
  ].join(' ')
  if (choice === undefined || choice.ids.size > 0) return words
  if (choice.known === undefined) return `${words}; which containers there are could not be read`
  return `${words}; there are: ${choice.known.join(', ') || 'none'}`
}

/** The filter that the options ask for; what --container names has been looked up in the image. */
export function makeFilter(analyzer: Declaration, options: FilterOptions, choice?: ContainerChoice): RowFilter {
  const tests = [...conditions(analyzer, options.pid, choice), ...whereTests(analyzer, options.where ?? [])]
  if (tests.length === 0) return { keep: (batch) => batch }
  const keep = (batch: Batch): Batch => {
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
  return { asked: wordsFor(options, choice), keep }
}
