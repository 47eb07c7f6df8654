import type { Job, Outcome } from '../batch/job.js'
import { type Say, sayTo } from './say.js'
import type { World } from './world.js'

/** What a worker tells of itself. */
export interface WorkerReporter {
  readonly ready: (address: string, queue: string, workers: number) => void
  readonly begin: (job: Job) => void
  readonly end: (job: Job, outcome: Outcome, milliseconds: number) => void
  readonly givenBack: (job: Job, why?: string) => void
  readonly refused: (path: string, why: string) => void
  readonly stopping: () => void
}

export function workerReporter(world: World, quiet: boolean): WorkerReporter {
  const say = sayTo(world)
  const note: Say = quiet ? () => {} : say
  return {
    ready: (address, queue, workers) => note('info', 'worker is ready', { address, queue, workers }),
    begin: ({ path }) => note('info', 'image begins', { path }),
    end: ({ path }, outcome, milliseconds) => {
      const ms = Math.round(milliseconds)
      if (outcome.kind === 'lost') say('error', 'image is lost', { path, ms, why: outcome.why })
      else {
        const { state, exit_code, tables } = outcome.record
        note('info', 'image', { path, state, exit_code, tables: tables.length, ms })
      }
    },
    givenBack: ({ path }, why = 'the worker stops') => say('error', 'image is given back', { path, why }),
    refused: (path, why) => say('error', 'image is refused', { path, why }),
    stopping: () => note('info', 'worker stops', {}),
  }
}
