import type { KnownAnalyzer } from '../../engine/registry.js'
import type { Command } from '../command.js'
import { readRunOptions, runOptions } from '../options.js'
import { runAnalyzers } from '../session.js'

/** The subcommand of one analyzer; everything in its help comes from the declaration. */
export function analyzerCommand(analyzer: KnownAnalyzer): Command {
  const { name, aliases, area, summary, description, examples, columns } = analyzer
  return {
    name,
    area,
    summary,
    columns,
    ...(aliases === undefined ? {} : { aliases }),
    ...(description === undefined ? {} : { description }),
    ...(examples === undefined ? {} : { examples }),
    arguments: [{ name: 'image', kind: 'image' }],
    options: runOptions,
    run: ({ raw, world, registry }) =>
      runAnalyzers({ world, registry, options: readRunOptions(raw) }, [analyzer], [String(raw.image)], false),
  }
}
