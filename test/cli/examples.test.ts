/** Every example of every help is a command line that salvor takes. */

import { expect, test } from 'vitest'
import { acquireCommand } from '../../dist/src/cli/commands/acquire.js'
import { analyzerCommand } from '../../dist/src/cli/commands/analyzer.js'
import { containerCommand, podCommand } from '../../dist/src/cli/commands/page.js'
import { runCommand } from '../../dist/src/cli/commands/run.js'
import { readRunOptions } from '../../dist/src/cli/options.js'
import { readWords } from '../../dist/src/cli/words.js'
import { parseArguments } from '../../dist/src/cli/yargs.js'
import { Registry } from '../../dist/src/engine/registry.js'

const registry = Registry.builtin()
const commands = [
  ...registry.list().map(analyzerCommand),
  runCommand(registry),
  containerCommand,
  podCommand,
  acquireCommand,
]
const examples = commands.flatMap(({ examples = [] }) => examples.map(({ command }) => command))

/** Words of a shell's line: none of the examples has more than quotes. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) => word.replace(/["']/g, ''))
}

test.each(examples)('%s', async (line) => {
  const [program, ...argv] = wordsOf(line)
  expect(program).toBe('salvor')
  const request = readWords(argv, commands)
  const raw = await parseArguments(request.command, request.argv)
  const { where, columns, sort } = readRunOptions(raw)
  const analyzer = registry.find(request.command.name)
  const named = [...where.map(({ column }) => column), ...columns, ...sort.map(({ column }) => column)]
  if (analyzer !== undefined) for (const name of named) expect(Object.keys(analyzer.columns)).toContain(name)
})
