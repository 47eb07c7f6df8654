import type { Batch } from '../api/table.js'
import type { Engine, OpenedImage, Reporter } from '../engine/engine.js'
import { SalvorError } from '../engine/errors.js'
import type { KnownAnalyzer, Registry } from '../engine/registry.js'

/** The beginning of an id; anything else is a name. */
const idPrefix = /^[0-9a-f]{4,64}$/

/** Knows ids and names of an image's containers. */
const CONTAINERS = 'containers'

function hasNames(analyzer: KnownAnalyzer): boolean {
  return Object.values(analyzer.columns).some(({ meaning }) => meaning === 'container_name')
}

/**
 * What --container wants in terms of ids. Most tables know a container only by its id, so a name is looked up in the
 * table of containers first; a name that no container has is the user's mistake and says which there are.
 */
export async function containerIds(
  engine: Engine,
  registry: Registry,
  image: OpenedImage,
  analyzers: readonly KnownAnalyzer[],
  wanted: readonly string[],
  reporter: Reporter,
): Promise<readonly string[]> {
  const names = wanted.filter((value) => !idPrefix.test(value))
  if (names.length === 0 || analyzers.every(hasNames)) return wanted
  const known = await namesOf(engine, registry, image, reporter)
  const missing = names.find((name) => !known.some((container) => container.name === name))
  if (missing !== undefined) {
    const named = [...new Set(known.map(({ name }) => name))].sort().join(', ')
    throw new SalvorError('USAGE', `--container: no container is called ${missing}; there are: ${named || 'none'}`)
  }
  const ids = known.filter(({ name }) => names.includes(name)).map(({ id }) => id)
  return [...wanted, ...ids]
}

async function namesOf(
  engine: Engine,
  registry: Registry,
  image: OpenedImage,
  reporter: Reporter,
): Promise<{ id: string; name: string }[]> {
  const known: { id: string; name: string }[] = []
  const rows = async (_: KnownAnalyzer, { length, columns }: Batch): Promise<void> => {
    for (let row = 0; row < length; row++) {
      const [id, name] = [columns.id?.[row], columns.name?.[row]]
      if (typeof id === 'string' && typeof name === 'string') known.push({ id, name })
    }
  }
  await engine.run(image, [registry.get(CONTAINERS)], { rows, end: async () => {} }, reporter)
  return known
}
