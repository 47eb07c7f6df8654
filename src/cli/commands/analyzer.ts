import type { KnownAnalyzer } from '../../engine/registry.js'
import type { Command } from '../command.js'
import { readRunOptions, runOptions } from '../options.js'
import { runAnalyzers } from '../session.js'

/** The subcommand of one analyzer; everything in its help comes from the declaration. */
export function analyzerCommand(analyzer: KnownAnalyzer): Command {
  const { name, aliases, area, summary, examples, columns } = analyzer
  const description = aboutOf(analyzer)
  return {
    name,
    area,
    summary,
    columns,
    ...(aliases === undefined ? {} : { aliases }),
    ...(description === '' ? {} : { description }),
    ...(examples === undefined ? {} : { examples }),
    arguments: [{ name: 'image', kind: 'image' }],
    options: runOptions,
    run: ({ raw, world, registry }) =>
      runAnalyzers({ world, registry, options: readRunOptions(raw) }, [analyzer], [String(raw.image)], false),
  }
}

/** What there is to say of a table beyond its summary. */
function aboutOf({ description, torn }: KnownAnalyzer): string {
  const promise = torn === undefined ? undefined : `Memory of a host that went on: ${torn}`
  return [description, promise].filter((part) => part !== undefined).join(' ')
}
