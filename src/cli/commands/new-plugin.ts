import { join } from 'node:path'
import { SalvorError } from '../../engine/errors.js'
import { exitCodes } from '../../engine/status.js'
import { makeFolder } from '../../make-folder.js'
import { printable } from '../../output/escape.js'
import { FileSink } from '../../output/sink.js'
import { checkName, type Guard, Inputs, outputFailure } from '../../output/target.js'
import type { Command } from '../command.js'
import { forceOption } from '../options.js'

async function writeFile(path: string, text: string, guard: Guard): Promise<void> {
  const sink = new FileSink(path, guard)
  await sink.write(text)
  await sink.commit()
}

export const newPluginCommand: Command = {
  name: 'new-plugin',
  arguments: [{ name: 'name', kind: 'new name' }],
  summary: 'Writes a working analyzer of your own and its test',
  examples: [{ command: 'salvor new-plugin kernel-tasks', what: 'kernel-tasks.ts and kernel-tasks.test.ts' }],
  options: [{ name: 'directory', value: 'DIR', summary: 'Where to put the two files (default: here)' }, forceOption],
  run: async ({ raw, world, registry }) => {
    const name = String(raw.name)
    if (!/^[a-z][a-z0-9-]*$/.test(name)) {
      throw new SalvorError('USAGE', `${JSON.stringify(name)} is no name for an analyzer: lower case with dashes`)
    }
    if (registry.find(name) !== undefined) throw new SalvorError('USAGE', `there is an analyzer ${name} already`)
    const directory = String(raw.directory ?? '.')
    const guard: Guard = { inputs: new Inputs(), force: raw.force === true }
    const source = join(directory, `${name}.ts`)
    const test = join(directory, `${name}.test.ts`)
    // Both or none.
    for (const path of [source, test]) checkName(path, guard)
    try {
      makeFolder(directory)
    } catch (error) {
      throw outputFailure(directory, error)
    }
    const { pluginSource, pluginTest } = await import('../plugin-template.js')
    await writeFile(source, pluginSource(name), guard)
    await writeFile(test, pluginTest(name), guard)
    world.stdout.write(`${printable(source)}\n${printable(test)}\n`)
    world.stderr.write(`${printable(`note: try it: salvor ${name} IMAGE --plugin ${source}`)}\n`)
    return exitCodes.complete
  },
}
