import type { SqlSource } from '../../case/sql.js'
import { SalvorError } from '../../engine/errors.js'
import { byDefault } from '../../engine/plan.js'
import { exitCodes, imageExitCode, worst } from '../../engine/status.js'
import { Inputs } from '../../output/target.js'
import { tellBrought } from '../brought-note.js'
import type { Command, Invocation } from '../command.js'
import { labelled } from '../labelled.js'
import {
  cacheOptions,
  engineOptions,
  intakeOptions,
  readRunOptions,
  singleOption,
  unpackOption,
  writingOptions,
} from '../options.js'
import { StderrReporter } from '../reporter.js'
import { imagePath, makeEngine, openOptions } from '../session.js'
import { textWidth } from '../world.js'

/** Shown by `--list`. */
async function listSaved({ world }: Invocation): Promise<number> {
  const { savedQueries } = await import('../../case/saved-queries.js')
  const lines = labelled(
    savedQueries().map(({ name, what }) => [name, what]),
    textWidth(world.stdout.columns),
  )
  world.stdout.write(`${lines.join('\n')}\n`)
  return exitCodes.complete
}

export interface Opened {
  readonly source: SqlSource
  /** How the tables ended that were made for queries. */
  readonly codes: readonly number[]
  readonly close: () => Promise<void>
}

export async function openSource({ world, registry, raw }: Invocation, path: string): Promise<Opened> {
  const [{ CaseSource, ImageSource }, { isCase }] = await Promise.all([
    import('../../case/sql.js'),
    import('../../case/store.js'),
  ])
  if (isCase(path)) {
    const source = await CaseSource.open(path, registry)
    return { source, codes: [], close: async () => source.close() }
  }
  const options = readRunOptions(raw)
  const reporter = new StderrReporter(world, options.quiet)
  const engine = makeEngine({ world, registry, options })
  const codes: number[] = []
  try {
    const image = await engine.open(path, openOptions(options, world.env))
    reporter.warnings(image.info.warnings)
    const source = await ImageSource.open(path, registry, async (analyzers, files) => {
      codes.push(imageExitCode(await engine.run(image, analyzers.map(byDefault), files, reporter)))
      reporter.warnings(files.warnings)
    })
    world.onAbort(() => source.close())
    const close = async (): Promise<void> => {
      source.close()
      if (!world.signal.aborted) tellBrought(reporter, path, image)
      reporter.close()
      await engine.close()
    }
    return { source, codes, close }
  } catch (error) {
    await engine.close()
    throw error
  }
}

async function textOf({ raw }: Invocation): Promise<string | undefined> {
  const saved = singleOption(raw.saved)
  const given = raw.query === undefined ? undefined : String(raw.query)
  if (saved === undefined) return given
  if (given !== undefined) throw new SalvorError('USAGE', 'sql: a query or --saved, not both')
  const { savedQuery } = await import('../../case/saved-queries.js')
  return savedQuery(saved).sql
}

async function run(invocation: Invocation): Promise<number> {
  const { raw, world } = invocation
  if (raw.list === true) return listSaved(invocation)
  if (raw.subject === undefined) throw new SalvorError('USAGE', 'an argument is missing: salvor sql CASE|IMAGE [QUERY]')
  const subject = String(raw.subject)
  const options = readRunOptions(raw)
  const query = await textOf(invocation)
  const path = imagePath(world.directory, subject)
  const { source, codes, close } = await openSource(invocation, path)
  try {
    const output = {
      format: options.format,
      wide: options.wide,
      subject,
      guard: { inputs: new Inputs([path]), force: options.force },
      ...(options.output === undefined ? {} : { output: options.output }),
    }
    const { writeResult } = await import('../sql-output.js')
    if (query === undefined) {
      const { runShell } = await import('../sql-shell.js')
      await runShell(world, source, (result) => writeResult(world, result, output))
    } else await writeResult(world, await source.query(query), output)
    return world.signal.aborted ? exitCodes.interrupted : worst(codes)
  } finally {
    await close()
  }
}

export const sqlCommand: Command = {
  name: 'sql',
  arguments: [
    { name: 'subject', kind: 'case', optional: true },
    { name: 'query', kind: 'new name', optional: true },
  ],
  summary: 'SQL over a case or an image',
  description:
    'Each analyzer is a table that is called like it, with _ for -; image_id says which image of a case a row is of. Of an ' +
    'image, tables are made when a query names them. Without a query there is a shell with completion. The SQL is ' +
    "DuckDB's; a query reads these tables and nothing else.",
  examples: [
    {
      command: 'salvor sql case "SELECT hostname, count(*) FROM processes JOIN images ON id = image_id GROUP BY 1"',
      what: 'processes of each host',
    },
    { command: 'salvor sql memory.elf "SELECT comm, args FROM processes WHERE uid = 0"', what: 'one image' },
    { command: 'salvor sql case --saved rare-programs', what: 'a query that salvor brings along: --list names them' },
  ],
  options: [
    { name: 'saved', value: 'NAME', summary: 'A query that salvor brings along' },
    { name: 'list', summary: 'List these queries' },
    ...writingOptions,
    ...engineOptions,
    ...cacheOptions,
    unpackOption,
    ...intakeOptions,
  ],
  run,
}
