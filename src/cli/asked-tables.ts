import type { Meaning } from '../api/columns.js'
import { SalvorError } from '../engine/errors.js'
import type { TableRequest } from '../engine/plan.js'
import type { KnownAnalyzer } from '../engine/registry.js'
import { closest } from '../engine/suggest.js'
import { type ContainerChoice, checkFilter, makeFilter } from '../output/filter.js'
import type { TableHead } from '../output/format.js'
import { Selection } from '../output/selection.js'
import { lacksNames } from './container-names.js'
import type { RunOptions } from './options.js'
import type { Session } from './session.js'

/** A column by its name in any case, or an error that says which is nearest and which there are. */
function findColumn({ name: table, columns }: KnownAnalyzer, option: string, asked: string): string {
  const names = Object.keys(columns)
  const name = asked.toLowerCase().replaceAll('-', '_')
  if (Object.hasOwn(columns, name)) return name
  const near = closest(name, names)
  const hint = near === undefined ? 'it has' : `did you mean ${near}? It has`
  throw new SalvorError('USAGE', `${option}: ${table} has no column ${asked}; ${hint} ${names.join(', ')}`)
}

/** What the rows of a page have in common, and need not say each. */
const COMMON: Readonly<Record<'container' | 'pod', ReadonlySet<Meaning>>> = {
  container: new Set<Meaning>(['container', 'container_name', 'pod']),
  pod: new Set<Meaning>(['container', 'pod']),
}

/** Whose page it is: said whole, and where each value came from. */
const IDENTITY: Readonly<Record<'container' | 'pod', string>> = { container: 'containers', pod: 'pods' }

/** The columns to write: those named with --columns, in that order; else all, of a table for people the main ones. */
function chosenColumns(
  analyzer: KnownAnalyzer,
  { columns: names, format, wide, page }: RunOptions,
  records: boolean,
): TableHead['columns'] {
  const all = Object.entries(analyzer.columns)
  const named = names.map((name) => findColumn(analyzer, '--columns', name))
  if (records) return analyzer.columns
  if (named.length > 0) return Object.fromEntries(named.flatMap((name) => all.filter(([key]) => key === name)))
  // The table of containers is there to say whose page it is.
  const common = page === undefined || analyzer.name === 'containers' ? undefined : COMMON[page]
  const isCommon = (meaning: Meaning | undefined) => meaning !== undefined && common?.has(meaning) === true
  const main = all.filter(([, { detail, meaning }]) => detail !== true && !isCommon(meaning))
  return format !== 'table' || wide || main.length === 0 ? analyzer.columns : Object.fromEntries(main)
}

/** What is written of one table, whatever the image. */
export interface AskedTable {
  readonly head: Omit<TableHead, 'image'>
  readonly selection: (choice: ContainerChoice | undefined) => Selection
  /** Whether names of containers are to be seen in it. */
  readonly named: boolean
}

/** What is written of each table. What makes no sense for one is the user's mistake, told before an image is opened. */
export function askedTables(
  { options, registry }: Session,
  requests: readonly TableRequest<KnownAnalyzer>[],
): AskedTable[] {
  return requests.map(({ analyzer, options: made }) => {
    checkFilter(analyzer, options, registry.list())
    const sort = options.sort.map((key) => ({ ...key, column: findColumn(analyzer, '--sort', key.column) }))
    const where = options.where.map((asked) => ({ ...asked, column: findColumn(analyzer, '--where', asked.column) }))
    const { page, format } = options
    const records = page !== undefined && format === 'table' && analyzer.name === IDENTITY[page]
    const columns = chosenColumns(analyzer, options, records)
    const { name: table, single } = analyzer
    const selection = (choice: ContainerChoice | undefined): Selection =>
      new Selection(analyzer.columns, {
        filter: makeFilter(analyzer, { ...options, where }, choice),
        sort,
        ...(options.limit === undefined ? {} : { limit: options.limit }),
      })
    const named = options.format === 'table' && lacksNames(analyzer, columns)
    const known = analyzer.options === undefined ? {} : { options: made }
    const head = {
      table,
      ...known,
      columns,
      ...(single === undefined ? {} : { single }),
      ...(records ? { records } : {}),
    }
    return { head, selection, named }
  })
}
