/** For tests of analyzers, imported from 'salvor/testing': runs one on an image, without workers or output. */

import type {
  Analyzer,
  CommonContext,
  Declaration,
  FileContext,
  ImageContext,
  RunContext,
  Source,
  Yielded,
} from '../api/analyzer.js'
import type { Columns, Row, Value } from '../api/columns.js'
import type { Need, NeededTables, Needs, OptionalTable } from '../api/needs.js'
import type { FileOption, FilesOption, Options, OptionsData, OptionValue } from '../api/options.js'
import { type KnownContainer, needName, type Rule } from '../api/rule.js'
import type { Scans } from '../api/scans.js'
import { Rows, Table } from '../api/table.js'
import { OpenFiles } from '../engine/open-files.js'
import { readOptions } from '../engine/option-values.js'
import { RowCheck } from '../engine/row-check.js'
import { scanHits, scanRequest } from '../engine/scans.js'
import { lossWarnings } from '../engine/warnings.js'
import { evaluate, type Found } from '../findings/evaluate.js'
import { knownOf } from '../findings/known.js'
import { ReadTables } from '../findings/tables.js'
import { backend } from '../kernel/backend.js'
import { ArtifactFiles, ArtifactFolder } from '../output/artifacts.js'
import { Inputs } from '../output/target.js'
import { sampleImage } from '../sample.js'
import type { Warning } from '../warning.js'

export { sampleImage } from '../sample.js'

const CHUNK_BYTES = 64 << 20

/** What an analyzer yielded, and what it warned of. */
export interface Result<C extends Columns> {
  rows: Row<C>[]
  warnings: Warning[]
}

/** What an analyzer is run with. */
export interface Given<O extends Options, N extends Needs> {
  /** The image, or the file that it reads; the embedded sample unless told otherwise. */
  readonly path?: string
  /** Values of options, files by their paths; the others have their defaults. */
  readonly options?: {
    readonly [K in keyof O]?: O[K] extends FileOption
      ? string
      : O[K] extends FilesOption
        ? readonly string[]
        : OptionValue<O[K]>
  }
  /** They stand for the tables that it needs. */
  readonly tables?: NeededTables<N>
  /** A folder that is empty or is made, for the files that it writes; without it they are left out. */
  readonly artifacts?: string
}

/**
 * Runs an analyzer on an image or file. Throws what the analyzer throws, what opening throws, and what an option or a row
 * that is not as declared makes of a run.
 */
export async function runAnalyzer<C extends Columns, O extends Options, N extends Needs, S extends Source>(
  analyzer: Analyzer<C, O, N, S>,
  { path = sampleImage(), options, tables, artifacts }: Given<O, N> = {},
): Promise<Result<C>> {
  const folder =
    artifacts === undefined ? null : new ArtifactFolder(artifacts, { inputs: new Inputs([path]), force: false })
  const warnings: Warning[] = []
  const warn = (warning: Warning): void => void warnings.push(warning)
  const values = readOptions(analyzer.options, (options ?? {}) as OptionsData, (name) => `the option ${name}`)
  const files = new OpenFiles()
  const evidence = analyzer.source === undefined ? openImage(analyzer, values, path, warn) : openFile(files, path)
  try {
    const common: CommonContext = {
      options: files.options(analyzer.options, values),
      tables: tables ?? {},
      artifacts: new ArtifactFiles(folder?.place('') ?? null),
      log: () => {},
      warn,
      progress: () => {},
      signal: new AbortController().signal,
      rules: [],
    }
    // It is what the declaration makes of it, and no type says so.
    const context = { ...common, ...evidence.context } as unknown as RunContext<O, N, S>
    const rows = await checkedRows(analyzer, context)
    return { rows, warnings: [...warnings, ...evidence.lost()] }
  } finally {
    files.close()
    folder?.close()
    evidence.close()
  }
}

/** Rows by the names under which a rule reads their tables; what a row leaves out is null. */
export type RuleRows<N extends Needs> = {
  readonly [K in keyof N]: N[K] extends Need<infer C, infer O>
    ? readonly Partial<Row<C>>[] | (O extends true ? null : never)
    : never
}

/** Runs a rule on rows that are made by hand, with the containers that it may ask about. Throws what the rule throws. */
export function evaluateRule<N extends Needs>(
  rule: Rule<N>,
  given: RuleRows<N>,
  containers: readonly Partial<KnownContainer>[] = [],
): readonly Found[] {
  const tables: Record<string, OptionalTable> = { containers: handMade('containers', containers) }
  for (const [as, need] of Object.entries(rule.reads)) {
    const rows = given[as] as readonly object[] | null
    tables[needName(need)] = rows === null ? { table: null, why: 'it was left out' } : handMade(need.analyzer, rows)
  }
  const read = new ReadTables(tables)
  const [result] = evaluate([rule as unknown as Rule], read, new Map(), knownOf(read))
  if (result?.failed !== undefined) throw new Error(result.failed)
  return result?.findings ?? []
}

function handMade(name: string, rows: readonly object[]): OptionalTable {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const columns = names.map((column) => [column, rows.map((row) => (row as Record<string, Value>)[column] ?? null)])
  return { table: new Table(name, rows.length, Object.fromEntries(columns)), why: null }
}

interface OpenEvidence {
  readonly context: ImageContext | FileContext
  readonly lost: () => Warning[]
  readonly close: () => void
}

function openImage(
  { scans = {} }: Pick<Declaration, 'scans'>,
  options: OptionsData,
  path: string,
  warn: (warning: Warning) => void,
): OpenEvidence {
  const { id } = backend.open(path, { cacheDir: null })
  return {
    context: {
      kernel: backend.attach(id, warn),
      scans: scanAll(id, scans, options),
    },
    lost: () => lossWarnings(backend.lost(id)),
    close: () => backend.close(id),
  }
}

function openFile(files: OpenFiles, path: string): OpenEvidence {
  return { context: { file: files.open(path) }, lost: () => [], close: () => {} }
}

async function checkedRows<C extends Columns, O extends Options, N extends Needs, S extends Source>(
  analyzer: Analyzer<C, O, N, S>,
  context: RunContext<O, N, S>,
): Promise<Row<C>[]> {
  const rows: Row<C>[] = []
  const check = new RowCheck(analyzer.columns)
  for await (const yielded of analyzer.run(context)) {
    for (const row of rowsOf<C>(yielded)) {
      check.row(row)
      rows.push(row)
    }
  }
  return rows
}

function rowsOf<C extends Columns>(yielded: Yielded<C>): Iterable<Row<C>> {
  if (yielded instanceof Rows) return new Table<C>('', yielded.length, yielded.columns).rows()
  return Array.isArray(yielded) ? yielded : [yielded as Row<C>]
}

function scanAll(id: number, scans: Scans, options: OptionsData): ImageContext['scans'] {
  const flat = backend.chunks(id, CHUNK_BYTES)
  const hits = Object.entries(scans).map(([name, scan]) => {
    const request = scanRequest(scan, options)
    return [name, scanHits(request, backend.scan(id, [request], flat, 1).flat()).hits]
  })
  return Object.fromEntries(hits)
}
