/** What every rule may ask of containers. */

import type { Need } from '../api/needs.js'
import type { Known, KnownContainer } from '../api/rule.js'
import { designReason } from './by-design.js'
import type { ReadTables } from './tables.js'

export const CONTAINERS: Need = { analyzer: 'containers', optional: true }
export const PROCESSES: Need = { analyzer: 'processes', optional: true }

export function knownOf(tables: ReadTables): Known {
  const [containers, processes] = [tables.get(CONTAINERS).table, tables.get(PROCESSES).table]
  const container: Known['container'] = (id) =>
    id === null || id === undefined ? undefined : (containers?.where('id', id)[0] as KnownContainer | undefined)
  return {
    container,
    byDesign(id) {
      const row = container(id)
      if (row === undefined) return null
      const first = row.init_pid === null ? undefined : processes?.where('pid', row.init_pid)[0]
      return designReason(row, {
        exe: (first?.exe ?? null) as string | null,
        args: (first?.args ?? null) as readonly string[] | null,
      })
    },
  }
}
