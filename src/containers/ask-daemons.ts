/** What files no longer tell of containers is asked of the memory of engines, and of that alone. */

import { append } from '../append.js'
import type { Warning } from '../warning.js'
import { type Daemon, readDaemons } from './dockerd-memory.js'
import { type Carved, carveConmon, carveDaemons } from './heap-records.js'
import type { Subject } from './pods.js'
import type { ContainerRow } from './types.js'

const id64 = /^[0-9a-f]{64}$/
/** Looks after one container, and is asked of no other. */
const CONMON = 'conmon'

/** Docker's containers whose files have left memory are asked of the daemon. */
export function askDaemons(daemons: readonly Daemon[], subjects: readonly Subject[]): void {
  const nameless = subjects.filter(
    ({ group, declared }) =>
      declared?.docker == null && (declared?.engine === 'docker' || group?.scope?.runtime === 'docker'),
  )
  const parentOf = ({ group, declared }: Subject) => group?.parent ?? declared?.within ?? null
  for (const [parent, own] of byParent(nameless, parentOf)) {
    const tellers = daemons.filter(({ program, container }) => program === 'dockerd' && container === parent)
    const held = readDaemons(
      tellers,
      own.map(({ id }) => id).filter((id) => id64.test(id)),
    )
    for (const subject of own) subject.daemon = held.get(subject.id) ?? null
  }
}

/** The memory of daemons is searched for the containers that nothing else names wholly. */
export function carveNames(
  daemons: readonly Daemon[],
  subjects: readonly Subject[],
  rows: readonly ContainerRow[],
): { found: boolean; warnings: Warning[] } {
  const nameless = rows.filter(({ id, kind, pod_uid, ...row }) => {
    if (!id64.test(id) || kind === 'build') return false
    return row.name === null || (kind === 'container' && row.image === null) || (pod_uid !== null && !row.pod_namespace)
  })
  const { records, warnings } = carveFor(daemons, nameless)
  const monitors = new Map(
    daemons.flatMap((daemon) => (daemon.program === CONMON ? [[daemon.pid, daemon] as const] : [])),
  )
  const asked = new Set(nameless.map(({ id }) => id))
  let found = records.size > 0
  for (const subject of subjects) {
    // Its first process is the monitor's child: the kernel says so. Where its arguments are there, its heap has no more.
    const isAsked = asked.has(subject.id) && subject.conmon === null
    const monitor = isAsked ? monitors.get(subject.init?.ppid ?? -1) : undefined
    subject.carved = [
      ...(records.get(subject.id) ?? []),
      ...(monitor === undefined ? [] : carveConmon(monitor, subject.id)),
    ]
    found ||= subject.carved.length > 0
  }
  return { found, warnings }
}

/** What the memory of daemons has of some containers, by id. */
export function carveFor(
  daemons: readonly Daemon[],
  rows: readonly ContainerRow[],
): { records: Map<string, Carved[]>; warnings: Warning[] } {
  // Those that run come first where there are too many.
  const asked = rows.toSorted((left, right) => Math.sign(right.processes) - Math.sign(left.processes))
  const all = new Map<string, Carved[]>()
  const warnings: Warning[] = []
  for (const [parent, own] of byParent(asked, (row) => row.parent)) {
    const { records, capped } = carveDaemons(
      daemons.filter(({ container, program }) => container === parent && program !== CONMON),
      own.map(({ id }) => id),
    )
    for (const [id, carved] of records) all.set(id, carved)
    const message = "not all of what daemons' memory says of containers was looked at"
    if (capped) warnings.push({ code: 'cap', message })
  }
  return { records: all, warnings }
}

/** Of containers the daemons tell that run beside them: one in a container could say anything of those around it. */
function byParent<T>(all: readonly T[], parentOf: (one: T) => string | null): Map<string | null, T[]> {
  const groups = new Map<string | null, T[]>()
  for (const one of all) append(groups, parentOf(one), one)
  return groups
}
