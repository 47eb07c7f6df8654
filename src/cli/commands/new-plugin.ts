import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SalvorError } from '../../engine/errors.js'
import { exitCodes } from '../../engine/status.js'
import { printable } from '../../output/escape.js'
import type { Command } from '../command.js'
import { pluginSource, pluginTest } from '../plugin-template.js'

function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx' })
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
    const reason = exists ? 'is there already' : `cannot be written: ${(error as Error).message}`
    throw new SalvorError('USAGE', `${path} ${reason}`, { cause: error })
  }
}

export const newPluginCommand: Command = {
  name: 'new-plugin',
  arguments: [{ name: 'name', kind: 'new name' }],
  summary: 'Writes a working analyzer of your own and its test',
  examples: [{ command: 'salvor new-plugin kernel-tasks', what: 'kernel-tasks.ts and kernel-tasks.test.ts' }],
  options: [{ name: 'directory', value: 'DIR', summary: 'Where to put the two files (default: here)' }],
  run: async ({ raw, world, registry }) => {
    const name = String(raw.name)
    if (!/^[a-z][a-z0-9-]*$/.test(name)) {
      throw new SalvorError('USAGE', `${JSON.stringify(name)} is no name for an analyzer: lower case with dashes`)
    }
    if (registry.find(name) !== undefined) throw new SalvorError('USAGE', `there is an analyzer ${name} already`)
    const directory = String(raw.directory ?? '.')
    mkdirSync(directory, { recursive: true })
    const source = join(directory, `${name}.ts`)
    const test = join(directory, `${name}.test.ts`)
    writeNew(source, pluginSource(name))
    writeNew(test, pluginTest(name))
    world.stdout.write(`${printable(source)}\n${printable(test)}\n`)
    world.stderr.write(`${printable(`note: try it: salvor ${name} IMAGE --plugin ${source}`)}\n`)
    return exitCodes.complete
  },
}
