import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Engine } from '../engine/engine.js'
import type { PoolOptions } from '../engine/pool.js'
import type { Registry } from '../engine/registry.js'
import type { IntakeSettings } from '../intake/intake.js'
import { isElsewhere } from '../intake/names.js'
import type { OpenOptions } from '../kernel/kernel.js'
import { type Guard, Inputs } from '../output/target.js'
import { companionsOf } from './companions.js'
import type { RunOptions } from './options.js'
import type { World } from './world.js'

export interface Session {
  readonly world: World
  readonly registry: Registry
  readonly options: RunOptions
}

/** Where discovered symbols are kept, or null. */
export function cacheDirectory(options: Pick<RunOptions, 'cache' | 'cacheDir'>, env: World['env']): string | null {
  if (!options.cache) return null
  if (options.cacheDir !== undefined) return options.cacheDir
  const home = env.HOME === undefined || env.HOME === '' ? homedir() : env.HOME
  // The specification has it that a relative path is to be ignored.
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(home, '.cache')
  return join(base, 'salvor')
}

/** How the run opens images. */
export function openOptions(options: RunOptions, env: World['env']): OpenOptions {
  const { symbols, unpackLimit } = options
  return { cacheDir: cacheDirectory(options, env), symbols, ...(unpackLimit === undefined ? {} : { unpackLimit }) }
}

/** The path of an image or a case as a word of the command line means it; what is no file here keeps its name. */
export function imagePath(directory: string, word: string): string {
  return isElsewhere(word) ? word : resolve(directory, word)
}

/** GiB of an image that is brought here, where nobody says otherwise: as of one that is unpacked. */
const SPOOL_LIMIT = 256

/** How the run brings images here that are no files. */
export function intakeSettings(options: RunOptions, env: World['env'], directory: string): IntakeSettings {
  const { spoolDir, spoolLimit = SPOOL_LIMIT, s3Endpoint } = options
  const cache = cacheDirectory(options, env)
  const folder = spoolDir ?? (cache === null ? join(tmpdir(), 'salvor-spool') : join(cache, 'spool'))
  return {
    folder: resolve(directory, folder),
    limit: spoolLimit * 2 ** 30,
    ...(s3Endpoint === undefined ? {} : { endpoint: s3Endpoint }),
  }
}

/** What the run reads, plugins and other parts of images included, and whether an existing file may be replaced. */
export async function outputGuard({ registry, options }: Session, read: readonly string[]): Promise<Guard> {
  const plugins = registry.list().filter(({ plugin }) => plugin.kind === 'user')
  const companions = await Promise.all(read.map(companionsOf))
  const inputs = [...read, ...companions.flat(), ...options.symbols, ...plugins.map(({ plugin }) => plugin.location)]
  return { inputs: new Inputs(inputs), force: options.force }
}

export function makeEngine({ world, registry, options }: Session, pool: PoolOptions = {}): Engine {
  const engine = new Engine(registry, world.signal, {
    ...pool,
    own: true,
    intake: intakeSettings(options, world.env, world.directory),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.memory === undefined ? {} : { memory: options.memory }),
    ...(world.backend === undefined ? {} : { backend: world.backend }),
  })
  // A worker that blocks in the core does not see the signal; one that sees it ends before this.
  const GRACE_MILLISECONDS = 250
  const end = (): void => void setTimeout(() => void engine.close(), GRACE_MILLISECONDS).unref()
  world.signal.addEventListener('abort', end, { once: true })
  return engine
}
