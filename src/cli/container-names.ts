import type { Columns } from '../api/columns.js'
import { POD } from '../containers/pod-name.js'
import { type Failure, SalvorError } from '../engine/errors.js'
import type { KnownAnalyzer } from '../engine/registry.js'
import type { ContainerChoice } from '../output/filter.js'

/** What may be the beginning of an id: in fewer digits anything could be meant. */
const idBeginning = /^[0-9a-f]{4,64}$/

/** What other tables than its own need to know of a container. */
export interface Container {
  readonly id: string
  readonly name: string | null
  /** As `namespace/name`. */
  readonly pod: string | null
}

/** The containers of an image, as the table of containers has them. */
export interface Containers {
  readonly known: readonly Container[]
  readonly failed?: Failure
}

/** The containers of the pods that a name means: with its namespace or without, or the beginning of either. */
function ofPod(value: string, known: readonly Container[]): Container[] {
  const short = (pod: string) => pod.slice(pod.indexOf('/') + 1)
  const fitting = (fits: (name: string) => boolean) =>
    known.filter(({ pod }) => pod !== null && (fits(pod) || fits(short(pod))))
  const whole = fitting((name) => name === value)
  return whole.length > 0 ? whole : fitting((name) => name.startsWith(value))
}

/** The containers that one value names: its whole id or name counts before the beginning of either. */
function named(value: string, known: readonly Container[]): Container[] {
  if (value.startsWith(POD)) return ofPod(value.slice(POD.length), known)
  const whole = known.filter(({ id, name }) => id === value || name === value)
  return whole.length > 0 ? whole : known.filter(({ id, name }) => id.startsWith(value) || name?.startsWith(value))
}

/**
 * What --container means in an image. Most tables know a container only by its id, so values are looked up in the table
 * of containers first; what could be an id of a container that is gone stays, anything else is the user's mistake and
 * the error says which there are.
 */
export function chooseContainers(wanted: readonly string[], { known, failed }: Containers): ContainerChoice {
  if (failed !== undefined && !wanted.every((value) => idBeginning.test(value))) {
    throw new SalvorError(failed.code, `--container: the containers' names cannot be read: ${failed.message}`)
  }
  const names = [...new Set(known.flatMap(({ name }) => name ?? []))].sort()
  const chosen: Container[] = []
  const beginnings: string[] = []
  for (const value of wanted) {
    const found = named(value, known)
    chosen.push(...found)
    if (found.some(({ name }) => name === value)) continue
    if (idBeginning.test(value)) beginnings.push(value)
    else if (found.length === 0) {
      throw new SalvorError('USAGE', noneCalled(value, names, known))
    }
  }
  return {
    ids: new Set(chosen.map(({ id }) => id)),
    names: new Set(chosen.flatMap(({ name }) => name ?? [])),
    beginnings,
    ...(failed === undefined ? { known: names } : {}),
  }
}

function noneCalled(value: string, names: readonly string[], known: readonly Container[]): string {
  if (!value.startsWith(POD))
    return `--container: no container is called ${value}; there are: ${names.join(', ') || 'none'}`
  const pods = [...new Set(known.flatMap(({ pod }) => pod ?? []))].sort()
  return `no pod is called ${value.slice(POD.length)}; there are: ${pods.join(', ') || 'none'}`
}

/** Whether people who see these columns would miss the names of containers, because the table has none itself. */
export function lacksNames(analyzer: KnownAnalyzer, shown: Columns): boolean {
  const means = (columns: Columns, wanted: string) => Object.values(columns).some(({ meaning }) => meaning === wanted)
  return means(shown, 'container') && !means(analyzer.columns, 'container_name')
}
