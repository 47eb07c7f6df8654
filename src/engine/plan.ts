import type { Declaration } from '../api/analyzer.js'
import type { Need } from '../api/needs.js'
import type { OptionsData } from '../api/options.js'
import { SalvorError } from './errors.js'
import { hasAsked, readNeededOptions, readOptions } from './option-values.js'
import { anyOf, flagOf } from './words.js'

/** A table that is asked for: of which analyzer, and made with what. */
export interface TableRequest<D extends Declaration = Declaration> {
  readonly analyzer: D
  /** All of its options, as `readOptions` gives them. */
  readonly options: OptionsData
}

/** A table that is made with what its analyzer takes by default. */
export function byDefault<D extends Declaration>(analyzer: D): TableRequest<D> {
  return { analyzer, options: readOptions(analyzer.options, {}, (option) => option) }
}

export interface PlannedNeed {
  /** The name under which the analyzer gets it. */
  readonly as: string
  readonly need: Need
  /** The table's id in the plan; undefined where it is optional and cannot be made. */
  readonly table: string | undefined
  /** Then what no plugin provides: the analyzer, or one that it needs itself. */
  readonly missing?: string
  /** Or the options of it of which the user gave none. */
  readonly unasked?: readonly string[]
}

export interface PlannedTable<D extends Declaration = Declaration> extends TableRequest<D> {
  /** Tables of one analyzer with other options are others. */
  readonly id: string
  readonly needs: readonly PlannedNeed[]
}

export function tableId({ analyzer, options }: TableRequest): string {
  return `${analyzer.name} ${JSON.stringify(options)}`
}

function reads({ source }: Declaration): string {
  return source === undefined ? 'a memory image' : 'a file'
}

/** One run reads one kind of evidence. */
function refuseMixed(requested: readonly TableRequest[]): void {
  const [first] = requested
  const other = requested.find(({ analyzer }) => first !== undefined && reads(analyzer) !== reads(first.analyzer))
  if (first === undefined || other === undefined) return
  const [one, two] = [first.analyzer, other.analyzer]
  throw new SalvorError(
    'USAGE',
    `${one.name} reads ${reads(one)} and ${two.name} ${reads(two)}: run one after the other`,
  )
}

function refuseUnasked({ analyzer, options }: TableRequest): void {
  if (hasAsked(analyzer, options)) return
  throw new SalvorError('USAGE', `${analyzer.name} makes no table without ${askedFlags(analyzer.asks)}`)
}

/** Options as they are given, of which a table needs one. */
export function askedFlags(asks: readonly string[] = []): string {
  return anyOf(asks.map((name) => `--${flagOf(name)}`))
}

/** Nobody could name the file for the table that is needed, but as an option of the one that needs it. */
function refuseForeign(analyzer: Declaration, needed: Declaration): void {
  if (reads(analyzer) === reads(needed)) return
  const what = `the analyzer ${analyzer.name} reads ${reads(analyzer)}`
  throw new SalvorError('USAGE', `${what} and cannot need ${needed.name}, which reads ${reads(needed)}`)
}

/** What of all that a table cannot be made without is not there; undefined where nothing is missing. */
function missingFor(
  name: string,
  find: (name: string) => Declaration | undefined,
  seen: Set<Declaration> = new Set(),
): string | undefined {
  const analyzer = find(name)
  if (analyzer === undefined) return name
  // Looked at already, or a circle, which is told when it is planned.
  if (seen.has(analyzer)) return undefined
  seen.add(analyzer)
  for (const need of Object.values(analyzer.needs ?? {})) {
    const missing = need.optional ? undefined : missingFor(need.analyzer, find, seen)
    if (missing !== undefined) return missing
  }
  return undefined
}

/**
 * The tables to make for the requested ones: each once, what is needed before what needs it, otherwise in the order
 * asked for.
 */
export function plan<D extends Declaration>(
  requested: readonly TableRequest<D>[],
  find: (name: string) => D | undefined,
): PlannedTable<D>[] {
  const ordered = new Map<string, PlannedTable<D>>()

  const resolve = ({ analyzer, options }: TableRequest<D>, need: Need): TableRequest<D> => {
    const needed = find(need.analyzer)
    if (needed === undefined) {
      throw new SalvorError('USAGE', `the analyzer ${analyzer.name} needs ${need.analyzer}, which no plugin provides`)
    }
    refuseForeign(analyzer, needed)
    return { analyzer: needed, options: readNeededOptions(analyzer, options, needed, need.options ?? {}) }
  }

  const visit = (request: TableRequest<D>, path: readonly string[]): string => {
    const { analyzer } = request
    if (path.includes(analyzer.name)) {
      const cycle = [...path.slice(path.indexOf(analyzer.name)), analyzer.name].join(' → ')
      throw new SalvorError('USAGE', `analyzers need each other in a circle: ${cycle}`)
    }
    refuseUnasked(request)
    const id = tableId(request)
    if (ordered.has(id)) return id
    const needs = Object.entries(analyzer.needs ?? {}).map(([as, need]): PlannedNeed => {
      const missing = need.optional ? missingFor(need.analyzer, find) : undefined
      if (missing !== undefined) return { as, need, table: undefined, missing }
      const wanted = resolve(request, need)
      if (need.optional && !hasAsked(wanted.analyzer, wanted.options)) {
        return { as, need, table: undefined, unasked: wanted.analyzer.asks ?? [] }
      }
      return { as, need, table: visit(wanted, [...path, analyzer.name]) }
    })
    ordered.set(id, { ...request, id, needs })
    return id
  }

  refuseMixed(requested)
  for (const request of requested) visit(request, [])
  return [...ordered.values()]
}
