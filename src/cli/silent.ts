import type { Batch } from '../api/table.js'
import type { Engine, OpenedImage, Reporter } from '../engine/engine.js'
import { byDefault } from '../engine/plan.js'
import type { Registry } from '../engine/registry.js'
import type { TableOutcome } from '../engine/status.js'

/**
 * Runs an analyzer that nobody asked for, because others are the better for its rows. What it lacks is not told, only
 * that it takes its time.
 */
export async function runSilently(
  engine: Engine,
  registry: Registry,
  image: OpenedImage,
  name: string,
  take: (batch: Batch) => void,
  { progress }: Pick<Reporter, 'progress'>,
): Promise<TableOutcome | undefined> {
  const silent: Reporter = { progress, log() {}, warnings() {}, failure() {} }
  const sink = { rows: async (_: unknown, batch: Batch) => take(batch), end: async () => {} }
  const [outcome] = await engine.run(image, [byDefault(registry.get(name))], sink, silent)
  return outcome
}
