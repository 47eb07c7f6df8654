import type { Engine, Evidence, Reporter } from '../engine/engine.js'
import type { Registry } from '../engine/registry.js'
import type { ImageHost } from '../output/format.js'
import { runSilently } from './silent.js'

/** Knows host and time of an image. */
const INFO = 'info'

/** The host that an image is of, and when it was taken, as the table `info` has them; of another file nothing is known. */
export async function readHost(
  engine: Engine,
  registry: Registry,
  evidence: Evidence,
  reporter: Reporter,
): Promise<ImageHost> {
  const host = { hostname: null as string | null, taken: null as string | null }
  if (evidence.kind === 'file') return host
  const take = ({ columns }: { readonly columns: Readonly<Record<string, ArrayLike<unknown>>> }): void => {
    for (const name of ['hostname', 'taken'] as const) {
      const value = columns[name]?.[0]
      if (typeof value === 'string') host[name] = value
    }
  }
  await runSilently(engine, registry, evidence, INFO, take, reporter)
  return host
}
