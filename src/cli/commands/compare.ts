import { type Columns, list, record, text } from '../../api/columns.js'
import type { Batch } from '../../api/table.js'
import { profile } from '../../batch/profiles.js'
import type { Difference } from '../../case/compare.js'
import { SalvorError } from '../../engine/errors.js'
import type { KnownAnalyzer, Registry } from '../../engine/registry.js'
import { exitCodes } from '../../engine/status.js'
import { Inputs } from '../../output/target.js'
import type { Command, Invocation } from '../command.js'
import {
  cacheOptions,
  engineOptions,
  intakeOptions,
  readRunOptions,
  singleOption,
  unpackOption,
  writingOptions,
} from '../options.js'

const COLUMNS: Columns = {
  table: text('The table'),
  what: text('only in A, only in B, or changed'),
  row: record('By what the row is known'),
  changed: list('The columns that differ'),
  changes: record('What they hold in A and in B'),
}

/** Those that were named, else those of the quick profile: an image's tables are made for it. */
function tablesOf(asked: string | undefined, registry: Registry): readonly KnownAnalyzer[] {
  if (asked === undefined) return profile('quick', registry)
  if (asked === 'all') return registry.plain()
  return asked
    .split(',')
    .filter((name) => name !== '')
    .map((name) => registry.get(name))
}

function batchOf({ table, what, row, changes }: Difference): Batch {
  return {
    length: 1,
    columns: {
      table: [table],
      what: [what],
      row: [row],
      changed: [changes === null ? [] : Object.keys(changes)],
      changes: [changes],
    },
  }
}

async function run(invocation: Invocation): Promise<number> {
  const { raw, world, registry } = invocation
  const [{ compareTable, hasContainers }, { openSide }, { writeResult }, { tableName }] = await Promise.all([
    import('../../case/compare.js'),
    import('../sides.js'),
    import('../sql-output.js'),
    import('../../case/sql-types.js'),
  ])
  const options = readRunOptions(raw)
  const words = [String(raw.a), String(raw.b)] as const
  const asked = singleOption(raw.tables)
  const chosen = tablesOf(asked, registry)
  const a = await openSide(invocation, words[0])
  try {
    const b = await openSide(invocation, words[1])
    try {
      const known = await Promise.all([a.source.names(), b.source.names()])
      const isThere = ({ name }: KnownAnalyzer): boolean => known.every((names) => names.has(tableName(name)))
      const fits = ({ columns }: KnownAnalyzer): boolean => a.container === undefined || hasContainers(columns)
      const tables = chosen.filter((table) => isThere(table) && fits(table))
      const absent = chosen.filter((table) => !isThere(table)).map(({ name }) => name)
      if (asked !== undefined && asked !== 'all' && absent.length > 0)
        world.stderr.write(`warning: not in both: ${absent.join(', ')}\n`)
      if (tables.length === 0) throw new SalvorError('USAGE', 'compare: the two have no table in common')
      let differ = false
      async function* differences(): AsyncGenerator<Batch> {
        for (const table of tables) {
          for await (const found of compareTable(a, b, table)) {
            differ = true
            yield batchOf(found)
          }
        }
      }
      await writeResult(
        world,
        { columns: COLUMNS, batches: differences() },
        {
          format: options.format,
          wide: options.wide,
          subject: words.join(' '),
          guard: { inputs: new Inputs(words), force: options.force },
          ...(options.output === undefined ? {} : { output: options.output }),
        },
      )
      if (!differ && !options.quiet)
        world.stderr.write(`note: nothing differs in ${tables.length} ${tables.length === 1 ? 'table' : 'tables'}\n`)
      return exitCodes.complete
    } finally {
      await b.close()
    }
  } finally {
    await a.close()
  }
}

export const compareCommand: Command = {
  name: 'compare',
  arguments: [
    { name: 'a', kind: 'case' },
    { name: 'b', kind: 'case' },
  ],
  summary: 'What one image or container has that another lacks, and what changed',
  description:
    'A side is an image, CASE:IMAGE (by id, host name or file name), or either with @CONTAINER behind it. Rows of one boot ' +
    'are the same by the keys of their tables; those of others by what does not hang on a boot: names, paths, arguments.',
  examples: [
    { command: 'salvor compare before.elf after.elf', what: 'the same host at two moments' },
    { command: 'salvor compare case:web-1 case:web-2', what: 'two hosts of a case' },
    {
      command: 'salvor compare case:node-1@shop-a case:node-2@shop-b --tables processes,libraries',
      what: 'two pods of one deployment',
    },
  ],
  options: [
    { name: 'tables', value: 'A,B,C', summary: 'Which tables, or all (default: those of the quick profile)' },
    ...writingOptions,
    ...engineOptions,
    ...cacheOptions,
    unpackOption,
    ...intakeOptions,
  ],
  run,
}
