import type { Value } from '../api/columns.js'
import type { Engine, OpenedImage, Reporter } from '../engine/engine.js'
import type { Registry } from '../engine/registry.js'
import type { LinkCheck } from '../kernel/tear.js'
import { runSilently } from './silent.js'

/** Knows how torn an image is. */
const INFO = 'info'

/** The links of an image that contradict each other, as the table `info` has them. */
export async function readTear(
  engine: Engine,
  registry: Registry,
  image: OpenedImage,
  reporter: Reporter,
): Promise<readonly LinkCheck[]> {
  let links: Value | undefined
  await runSilently(engine, registry, image, INFO, ({ columns }) => (links = columns.links?.[0]), reporter)
  return (links ?? []) as unknown as readonly LinkCheck[]
}
