/** Cgroups that outlived their containers: v1 hierarchies keep them where a runtime did not clean up. */

import type { Warning } from '../warning.js'
import type { Declared } from './declared.js'
import type { ContainerGroup } from './groups.js'
import type { Monitors } from './pods.js'

const maximumShown = 20

/** Ids, sorted, of which nothing is known but a cgroup without a process: of containers that were removed. */
export function leftoversOf(
  groups: ReadonlyMap<string, ContainerGroup>,
  declared: Declared,
  { shims, conmons }: Monitors,
): Set<string> {
  const watched = new Set([...conmons.keys(), ...[...shims.values()].map((shim) => shim.id)])
  const empty = [...groups.values()].filter(({ processes }) => processes.length === 0)
  return new Set(
    empty
      .map(({ id }) => id)
      .filter((id) => !declared.containers.has(id) && !watched.has(id))
      .sort(),
  )
}

/** One note for all: whoever may create cgroups may create any number of them. */
export function leftoverNotes(leftovers: ReadonlySet<string>): Warning[] {
  if (leftovers.size === 0) return []
  const shown = [...leftovers].slice(0, maximumShown).map((id) => id.slice(0, 12))
  const more = leftovers.size > maximumShown ? ` and ${leftovers.size - maximumShown} more` : ''
  return [
    { code: 'leftover', message: `only an empty cgroup is left of ${shown.join(', ')}${more}: no rows for these` },
  ]
}
