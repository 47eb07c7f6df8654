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
  return printable([head, ...columnLines(analyzer.columns, '  ')].join('\u0000')).replaceAll('\\0', '\n')
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
        ? printableJson(JSON.stringify(registry.list().map(declaration), null, 2))
        : registry.list().map(describe).join('\n\n')
    world.stdout.write(`${output}\n`)
    return exitCodes.complete
  },
}
