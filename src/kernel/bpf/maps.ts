/** `struct bpf_map`: as `bpftool map show` has them (kernel/bpf/syscall.c). */

import type { Kernel } from '../kernel.js'
import { rulesOf } from '../objects.js'
import { constantName, optional, text } from '../query.js'
import { readHolders } from './holders.js'
import { readIdTable } from './id-table.js'
import { readPins } from './pins.js'
import { readPrograms } from './programs.js'
import { wordOf } from './words.js'

const MAP = 'struct bpf_map'
/** Maps that are read; each becomes a row. */
const MOST_MAPS = 1 << 17

/** A view that knows a map. */
export type MapView = 'id table' | 'descriptor' | 'pin' | 'program'

/** A map. */
export interface BpfMap {
  address: bigint
  id: number | null
  type: string | null
  name: string | null
  key_size: number | null
  value_size: number | null
  max_entries: number | null
  flags: number | null
  frozen: boolean | null
  found_by: MapView[]
  /** Whether the id table lacks it; null where that is torn or was not found. */
  hidden: boolean | null
  /** Ids of the programs that use it. */
  programs: number[]
}

const MEMBERS = {
  id: 'id',
  type: constantName('map_type'),
  name: text('name'),
  key_size: 'key_size',
  value_size: 'value_size',
  max_entries: 'max_entries',
  flags: 'map_flags',
  frozen: optional('frozen'),
} as const

/** Every map that the id table, a descriptor, a pin or a program knows, by id; read once per image. */
export function readMaps(kernel: Kernel): readonly Readonly<BpfMap>[] {
  return kernel.once(readEveryMap)
}

function readEveryMap(kernel: Kernel): BpfMap[] {
  const views = new Map<bigint, Set<MapView>>()
  const see = (addresses: Iterable<bigint>, view: MapView) => {
    for (const address of addresses) views.set(address, (views.get(address) ?? new Set<MapView>()).add(view))
  }
  const users = new Map<bigint, number[]>()
  for (const { id, maps } of readPrograms(kernel)) {
    for (const { address } of maps) if (id !== null) users.set(address, [...(users.get(address) ?? []), id])
  }
  const table = readIdTable(kernel, 'map_idr', MAP)
  see(table.addresses, 'id table')
  see(readHolders(kernel).map.keys(), 'descriptor')
  see(
    [...readPins(kernel)].flatMap(([address, { kind }]) => (kind === 'map' ? [address] : [])),
    'pin',
  )
  see(users.keys(), 'program')
  const addresses = [...views.keys()].slice(0, kernel.capped('BPF maps', views.size, MOST_MAPS))
  const batch = kernel.at(addresses, MAP).obeying(rulesOf(MAP)).select(MEMBERS)
  return Array.from({ length: batch.length }, (_, row) => {
    const number = (name: keyof typeof MEMBERS) => batch.column(name).number(row)
    const frozen = number('frozen')
    return {
      address: batch.address(row),
      id: number('id'),
      type: wordOf(batch.column('type').text(row)),
      name: batch.column('name').text(row),
      key_size: number('key_size'),
      value_size: number('value_size'),
      max_entries: number('max_entries'),
      flags: number('flags'),
      frozen: frozen === null ? null : frozen !== 0,
      found_by: [...(views.get(batch.address(row)) ?? [])],
      hidden: table.lacks(batch.address(row)),
      programs: users.get(batch.address(row)) ?? [],
    }
  }).sort((left, right) => (left.id ?? 0) - (right.id ?? 0) || (left.address < right.address ? -1 : 1))
}
