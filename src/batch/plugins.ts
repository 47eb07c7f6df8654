import { readFileSync } from 'node:fs'
import type { Registry } from '../engine/registry.js'
import { sha256Of } from '../file-hash.js'
import type { Settings } from './job.js'

/** Users' plugins that are loaded, each with the hash of its file. */
export function pluginsOf(registry: Registry): Settings['plugins'] {
  const locations = registry.list().flatMap(({ plugin }) => (plugin.kind === 'user' ? plugin.location : []))
  return [...new Set(locations)].sort().map((name) => {
    return { name, sha256: sha256Of(readFileSync(name)) }
  })
}

/** What of a job's plugins this process has not, or has beside them; undefined where they are the same, whatever their paths. */
export function otherPlugin(asked: Settings['plugins'], own: Settings['plugins']): string | undefined {
  const lacking = asked.find(({ sha256 }) => !own.some((plugin) => plugin.sha256 === sha256))
  if (lacking !== undefined) return `it lacks the plugin ${lacking.name} with SHA-256 ${lacking.sha256}`
  const further = own.find(({ sha256 }) => !asked.some((plugin) => plugin.sha256 === sha256))
  return further === undefined ? undefined : `it has the plugin ${further.name}, which the job is not of`
}
