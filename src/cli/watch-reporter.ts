import type { BatchReporter } from '../batch/batch.js'
import { type Say, sayTo } from './say.js'
import type { World } from './world.js'

/** What a watch tells of itself. */
export interface WatchReporter extends BatchReporter {
  readonly ready: (places: readonly string[], folder: string) => void
  readonly trouble: (why: string) => void
  /** An image has another hash than the manifest beside it. */
  readonly differs: (path: string, sha256: string, expected: string) => void
  readonly stopping: () => void
}

export function watchReporter(world: World, quiet: boolean): WatchReporter {
  const say = sayTo(world)
  const note: Say = quiet ? () => {} : say
  return {
    ready: (places, folder) => note('info', 'watch begins', { places: places.join(' '), case: folder }),
    begin: () => {},
    progress: () => {},
    end: ({ path, state, exitCode, known, error, outcome, milliseconds }) => {
      if (known) return
      const ms = Math.round(milliseconds)
      const tables = outcome?.kind === 'result' ? outcome.record.tables.length : 0
      if (state === 'failed' || state === 'lost') say('error', 'image', { path, state, exit_code: exitCode, ms, error })
      else note('info', 'image', { path, state, exit_code: exitCode, tables, ms })
    },
    trouble: (why) => say('error', 'not taken', { why }),
    differs: (path, sha256, expected) =>
      say('error', 'image is not what its manifest says', { path, sha256, expected }),
    stopping: () => note('info', 'watch stops', {}),
  }
}
