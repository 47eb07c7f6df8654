import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Analyzer, Declaration } from '../api/analyzer.js'
import { require } from '../require.js'
import { SalvorError } from './errors.js'
import type { PluginSource, Registry } from './registry.js'
import { type Plugin, pluginOf } from './validate.js'

/** Loads a module and gives the analyzers and rules in it. */
export async function loadPlugin({ kind, location }: PluginSource): Promise<Plugin> {
  const module = kind === 'builtin' ? require(location) : await importUserModule(location)
  return pluginOf(module as Record<string, unknown>, location)
}

/**
 * A user's plugin may be TypeScript and may lie anywhere; it gets this very salvor for `import … from 'salvor'`
 * and its other doors.
 * Nothing is written beside it.
 */
async function importUserModule(path: string): Promise<unknown> {
  const { createJiti } = require('jiti') as typeof import('jiti')
  const doors = {
    salvor: await import('salvor'),
    'salvor/kernel': await import('salvor/kernel'),
    'salvor/containers': await import('salvor/containers'),
    'salvor/findings': await import('salvor/findings'),
  }
  const jiti = createJiti(import.meta.url, { fsCache: false, moduleCache: false, virtualModules: doors })
  try {
    return await jiti.import(path)
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]?.trim() : String(error)
    throw new SalvorError('USAGE', `the plugin ${path} does not load: ${reason}`, { cause: error })
  }
}

/** The name in a package folder's package.json, by which the package finds itself. */
function packageName(folder: string): string {
  const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }
  return String(name)
}

/** The file behind what the user wrote after --plugin: a file, a package's folder, or a package's name. */
export async function locatePlugin(specifier: string, directory: string): Promise<string> {
  const path = resolve(directory, specifier)
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isFile()) return path
  const [from, name] = found?.isDirectory() ? [path, packageName] : [directory, () => specifier]
  try {
    const { createJiti } = require('jiti') as typeof import('jiti')
    const jiti = createJiti(import.meta.url, { fsCache: false })
    return fileURLToPath(jiti.esmResolve(name(from), pathToFileURL(join(from, 'package.json')).href))
  } catch (error) {
    throw new SalvorError('USAGE', `there is no plugin ${specifier}: neither a file nor a package in reach`, {
      cause: error,
    })
  }
}

/** The part of an analyzer that is data. */
export function declarationOf(analyzer: Analyzer): Declaration {
  const { run: _run, ...declaration } = analyzer
  return declaration
}

/** Where a user's analyzer stands that names no area. */
const OWN_AREA = 'own'

/** Adds the analyzers and rules of a user's plugin to the registry. */
export async function addUserPlugin(registry: Registry, specifier: string, directory: string): Promise<void> {
  const plugin: PluginSource = { kind: 'user', location: await locatePlugin(specifier, directory) }
  const { analyzers, rules } = await loadPlugin(plugin)
  for (const analyzer of analyzers) registry.add({ area: OWN_AREA, ...declarationOf(analyzer), plugin })
  registry.addRules(rules, plugin)
}
