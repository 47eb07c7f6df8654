import type { Declaration } from '../../api/analyzer.js'
import type { KnownAnalyzer } from '../../engine/registry.js'
import { exitCodes } from '../../engine/status.js'
import { choice } from '../../engine/words.js'
import { printable, printableJson } from '../../output/escape.js'
import { wrap } from '../../output/wrap.js'
import type { Command } from '../command.js'
import { columnLines } from '../describe.js'
import { pluginOption } from '../options.js'
import { textWidth } from '../world.js'

const forms = ['text', 'json'] as const

function declaration({ plugin: _plugin, ...rest }: KnownAnalyzer): Declaration {
  return rest
}

function describe(analyzer: KnownAnalyzer, width: number): string {
  const aliases = analyzer.aliases?.length ? ` (${analyzer.aliases.join(', ')})` : ''
  const head = `${analyzer.name}${aliases}: ${analyzer.summary}`
  return [...wrap(head, width), ...columnLines(analyzer.columns, width)].map(printable).join('\n')
}

export const analyzersCommand: Command = {
  name: 'analyzers',
  arguments: [],
  summary: 'Lists every analyzer with its columns',
  options: [
    { name: 'format', alias: 'f', value: 'FORMAT', choices: forms, summary: 'text (default) or json' },
    pluginOption,
  ],
  run: async ({ raw, world, registry }) => {
    const width = textWidth(world.stdout.columns)
    const output =
      choice('--format', String(raw.format ?? 'text'), forms) === 'json'
        ? JSON.stringify(registry.list().map(declaration), null, 2).split('\n').map(printableJson).join('\n')
        : registry
            .list()
            .map((analyzer) => describe(analyzer, width))
            .join('\n\n')
    world.stdout.write(`${output}\n`)
    return exitCodes.complete
  },
}
