import type { Value } from '../api/columns.js'
import type { Engine, OpenedImage, Reporter } from '../engine/engine.js'
import type { Registry } from '../engine/registry.js'
import type { LinkCheck } from '../kernel/tear.js'

/** Knows how torn an image is. */
const INFO = 'info'

const silent: Reporter = { progress: () => {}, log: () => {}, warnings: () => {}, failure: () => {} }

/** The links of an image that contradict each other, as the table `info` has them. */
export async function readTear(engine: Engine, registry: Registry, image: OpenedImage): Promise<readonly LinkCheck[]> {
  let links: Value | undefined
  const rows = async (_: unknown, { columns }: { columns: Readonly<Record<string, ArrayLike<Value>>> }) => {
    links = columns.links?.[0]
  }
  await engine.run(image, [registry.get(INFO)], { rows, end: async () => {} }, silent)
  return (links ?? []) as unknown as readonly LinkCheck[]
}
