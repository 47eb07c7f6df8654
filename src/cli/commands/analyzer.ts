import type { KnownAnalyzer } from '../../engine/registry.js'
import { anyOf, flagOf } from '../../engine/words.js'
import type { Command } from '../command.js'
import { artifactOption, readRunOptions, runOptions, tableOptions } from '../options.js'
import { ownOptions, readOwnOptions } from '../own-options.js'
import { runAnalyzers } from '../run-analyzers.js'

/** The subcommand of one analyzer; everything in its help comes from the declaration. */
export function analyzerCommand(analyzer: KnownAnalyzer): Command {
  const { name, aliases, area, summary, examples, columns, source, artifacts } = analyzer
  const description = aboutOf(analyzer)
  const reads = source === undefined ? 'image' : 'file'
  return {
    name,
    area,
    summary,
    columns,
    ...(aliases === undefined ? {} : { aliases }),
    ...(description === '' ? {} : { description }),
    ...(examples === undefined ? {} : { examples }),
    arguments: [{ name: reads, kind: reads }],
    options: [
      ...ownOptions(analyzer),
      ...(artifacts === undefined ? [] : [artifactOption]),
      ...(source === undefined ? runOptions : tableOptions),
    ],
    run: ({ raw, world, registry }) => {
      const options = readRunOptions(raw)
      const request = { analyzer, options: readOwnOptions(analyzer, raw, (flag) => [flag]) }
      return runAnalyzers({ world, registry, options }, [request], [String(raw[reads])], false)
    },
  }
}

/** What there is to say of a table beyond its summary. */
function aboutOf({ artifacts, asks, description, source, torn }: KnownAnalyzer): string {
  const reads = source === undefined ? undefined : `It reads ${source.what}.`
  const writes = artifacts === undefined ? undefined : `Into --output-dir it writes: ${artifacts}.`
  const asked =
    asks === undefined ? undefined : `It makes no table without ${anyOf(asks.map((name) => `--${flagOf(name)}`))}.`
  const promise = torn === undefined ? undefined : `Memory of a host that went on: ${torn}`
  return [description, asked, reads, writes, promise].filter((part) => part !== undefined).join(' ')
}
