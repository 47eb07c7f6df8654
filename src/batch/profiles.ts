import { SalvorError } from '../engine/errors.js'
import type { KnownAnalyzer, Registry } from '../engine/registry.js'

export const profileNames = ['quick', 'full'] as const
export type ProfileName = (typeof profileNames)[number]

/** What says in seconds what ran, where, and whom it talked to. */
const QUICK: readonly string[] = [
  'info',
  'containers',
  'pods',
  'processes',
  'sockets',
  'published-ports',
  'modules',
  'shell-history',
  'kernel-settings',
]

/** The analyzers of a profile; the full one has every table that needs no more than an image. */
export function profile(name: ProfileName, registry: Registry): readonly KnownAnalyzer[] {
  if (name === 'full') return registry.plain()
  return QUICK.map((analyzer) => {
    const found = registry.find(analyzer)
    if (found === undefined)
      throw new SalvorError('INTERNAL', `the quick profile names ${analyzer}, which is not there`)
    return found
  })
}
