/** What the commands that make a case of images are told in the same way. */

import { existsSync } from 'node:fs'
import type { Settings } from '../batch/job.js'
import { pluginsOf } from '../batch/plugins.js'
import { profile, profileNames } from '../batch/profiles.js'
import { SalvorError } from '../engine/errors.js'
import { byDefault } from '../engine/plan.js'
import type { KnownAnalyzer, Registry } from '../engine/registry.js'
import { choice } from '../engine/words.js'
import { version } from '../version.js'
import type { Invocation, Option } from './command.js'
import { analyzersCalled, refuseMistyped } from './commands/run.js'
import { readRunOptions, singleOption } from './options.js'

export const caseOptions: readonly Option[] = [
  { name: 'case', value: 'DIR', summary: 'The folder of the case; it is made, or added to' },
  { name: 'profile', value: 'NAME', choices: profileNames, summary: 'quick or full (default: full)' },
  {
    name: 'ranged',
    summary: 'Fetch only what is read of raw, LiME and ELF images in buckets: these have no SHA-256 then',
  },
]

export interface CaseRequest {
  readonly folder: string
  readonly sources: readonly string[]
  /** What is made of each image. */
  readonly settings: Settings
}

export function readCaseRequest(command: string, { raw, registry }: Invocation): CaseRequest {
  const { named, sources } = splitWords(command, (raw.sources as string[]).map(String), registry)
  const folder = singleOption(raw.case)
  if (folder === undefined) throw new SalvorError('USAGE', `${command} needs a folder for its case: --case DIR`)
  const analyzers = chosen(command, named, singleOption(raw.profile), registry)
  const { timeout = null, memory = null, unpackLimit } = readRunOptions(raw)
  const settings: Settings = {
    version,
    tables: analyzers.map((analyzer) => ({ analyzer: analyzer.name, options: byDefault(analyzer).options })),
    plugins: pluginsOf(registry),
    timeout,
    memory,
    ...(unpackLimit === undefined ? {} : { unpackLimit }),
    ...(raw.ranged === true ? { ranged: true as const } : {}),
  }
  return { folder, sources, settings }
}

/** Takes what follows a command apart: an image that is called like an analyzer is given as ./NAME. */
function splitWords(
  command: string,
  words: readonly string[],
  registry: Registry,
): { named: KnownAnalyzer[]; sources: string[] } {
  const named = words.flatMap((word) => analyzersCalled(word, registry) ?? [])
  const sources = words.filter((word) => analyzersCalled(word, registry) === undefined)
  if (sources.length === 0) throw new SalvorError('USAGE', `${command}: no source given`)
  // A folder is a source, too, however its name looks.
  for (const source of sources) if (!existsSync(source)) refuseMistyped(source, registry)
  return { named: [...new Set(named)], sources }
}

function chosen(command: string, named: readonly KnownAnalyzer[], asked: string | undefined, registry: Registry) {
  if (named.length > 0 && asked !== undefined)
    throw new SalvorError('USAGE', `${command}: name analyzers or a --profile, not both`)
  const analyzers = named.length > 0 ? named : profile(choice('--profile', asked ?? 'full', profileNames), registry)
  const other = analyzers.find(({ source, artifacts }) => source !== undefined || artifacts !== undefined)
  if (other === undefined) return analyzers
  throw new SalvorError(
    'USAGE',
    `${command}: ${other.name} ${other.source === undefined ? 'writes files' : 'reads a file'}`,
  )
}
