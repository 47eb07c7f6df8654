import type { KnownAnalyzer } from '../../engine/registry.js'
import type { Command } from '../command.js'
import { columnLines } from '../describe.js'
import { addRunOptions, readRunOptions } from '../options.js'
import { runAnalyzers } from '../session.js'

/** The subcommand of one analyzer; everything in its help comes from the declaration. */
export function analyzerCommand(analyzer: KnownAnalyzer): Command {
  return {
    name: analyzer.name,
    ...(analyzer.aliases === undefined ? {} : { aliases: analyzer.aliases }),
    usage: `${analyzer.name} <image>`,
    summary: analyzer.summary,
    options: (yargs) => {
      const about = analyzer.description === undefined ? '' : `\n\n${analyzer.description}`
      const described = addRunOptions(yargs)
        .usage(`$0 ${analyzer.name} <image>\n\n${analyzer.summary}.${about}`)
        .positional('image', { type: 'string', describe: 'The memory image', demandOption: true })
        .epilogue(['Columns:', ...columnLines(analyzer.columns, '  ')].join('\n'))
      for (const { command, what } of analyzer.examples ?? []) described.example(command, what)
      return described
    },
    run: ({ raw, world, registry }) =>
      runAnalyzers({ world, registry, options: readRunOptions(raw) }, [analyzer], [String(raw.image)], false),
  }
}
