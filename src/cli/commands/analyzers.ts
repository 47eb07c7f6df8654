import type { Declaration } from '../../api/analyzer.js'
import type { KnownAnalyzer } from '../../engine/registry.js'
import { exitCodes } from '../../engine/status.js'
import { printable, printableJson } from '../../output/escape.js'
import type { Command } from '../command.js'
import { columnLines } from '../describe.js'
import { addEngineOptions } from '../options.js'

function declaration({ source: _source, ...rest }: KnownAnalyzer): Declaration {
  return rest
}

function describe(analyzer: KnownAnalyzer): string {
  const aliases = analyzer.aliases?.length ? ` (${analyzer.aliases.join(', ')})` : ''
  const head = `${analyzer.name}${aliases}: ${analyzer.summary}`
  return [head, ...columnLines(analyzer.columns, '  ')].map(printable).join('\n')
}

export const analyzersCommand: Command = {
  name: 'analyzers',
  usage: 'analyzers',
  summary: 'Lists every analyzer with its columns',
  options: (yargs) =>
    addEngineOptions(yargs).option('format', { choices: ['text', 'json'], default: 'text', describe: 'How to list' }),
  run: async ({ raw, world, registry }) => {
    const output =
      raw.format === 'json'
        ? JSON.stringify(registry.list().map(declaration), null, 2).split('\n').map(printableJson).join('\n')
        : registry.list().map(describe).join('\n\n')
    world.stdout.write(`${output}\n`)
    return exitCodes.complete
  },
}
