import type { Batch } from '../api/table.js'
import type { Engine, OpenedImage, Reporter } from '../engine/engine.js'
import { SalvorError } from '../engine/errors.js'
import type { KnownAnalyzer, Registry } from '../engine/registry.js'
import type { ContainerChoice } from '../output/filter.js'

/** What may be the beginning of an id: in fewer digits anything could be meant. */
const idBeginning = /^[0-9a-f]{4,64}$/

/** Knows ids and names of an image's containers. */
const CONTAINERS = 'containers'

interface Known {
  readonly id: string
  readonly name: string | null
}

/** The containers that one value names: its whole id or name counts before the beginning of either. */
function named(value: string, known: readonly Known[]): Known[] {
  const whole = known.filter(({ id, name }) => id === value || name === value)
  return whole.length > 0 ? whole : known.filter(({ id, name }) => id.startsWith(value) || name?.startsWith(value))
}

/**
 * What --container means in an image. Most tables know a container only by its id, so values are looked up in the table
 * of containers first; what could be an id of a container that is gone stays, anything else is the user's mistake and
 * the error says which there are.
 */
export function chooseContainers(wanted: readonly string[], known: readonly Known[]): ContainerChoice {
  const names = [...new Set(known.flatMap(({ name }) => name ?? []))].sort()
  const chosen: Known[] = []
  const beginnings: string[] = []
  for (const value of wanted) {
    const found = named(value, known)
    chosen.push(...found)
    if (found.some(({ name }) => name === value)) continue
    if (idBeginning.test(value)) beginnings.push(value)
    else if (found.length === 0) {
      throw new SalvorError(
        'USAGE',
        `--container: no container is called ${value}; there are: ${names.join(', ') || 'none'}`,
      )
    }
  }
  return {
    ids: new Set(chosen.map(({ id }) => id)),
    names: new Set(chosen.flatMap(({ name }) => name ?? [])),
    beginnings,
    known: names,
  }
}

/** The same, for an image; undefined where nothing is asked for. */
export async function containersOf(
  engine: Engine,
  registry: Registry,
  image: OpenedImage,
  wanted: readonly string[],
  reporter: Reporter,
): Promise<ContainerChoice | undefined> {
  if (wanted.length === 0) return undefined
  const known: Known[] = []
  const rows = async (_: KnownAnalyzer, { length, columns }: Batch): Promise<void> => {
    for (let row = 0; row < length; row++) {
      const [id, name] = [columns.id?.[row], columns.name?.[row]]
      if (typeof id === 'string') known.push({ id, name: typeof name === 'string' ? name : null })
    }
  }
  // What this table lacks matters to a table that was not asked for.
  const quiet: Reporter = {
    progress: (task, done, total) => reporter.progress(task, done, total),
    log() {},
    warnings() {},
    failure() {},
  }
  const sink = { rows, end: async () => {} }
  const [outcome] = await engine.run(image, [registry.get(CONTAINERS)], sink, quiet)
  const failed = outcome?.failed
  if (failed !== undefined && !wanted.every((value) => idBeginning.test(value))) {
    throw new SalvorError(failed.code, `--container: the containers' names cannot be read: ${failed.message}`)
  }
  return chooseContainers(wanted, known)
}
