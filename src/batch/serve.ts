/** Takes jobs from a queue and has them done by children of this process, one after the other. */

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { STANDARD_INPUT } from '../intake/names.js'
import { type ChildProgram, isCrash, runChild } from './child.js'
import type { Job, Outcome } from './job.js'
import type { Claim, JobQueue } from './queue.js'

/** How often a job is taken whose process ends without a word: once may be an accident. */
const MOST_ATTEMPTS = 2

/** What is piped in comes once. */
function attemptsOf({ path }: Job): number {
  return path === STANDARD_INPUT ? 1 : MOST_ATTEMPTS
}

export interface Servant {
  readonly program: ChildProgram
  /** Where unfinished results are. */
  readonly folder: string
  /** Aborted when what is being done is to be dropped. */
  readonly signal: AbortSignal
  readonly begin: (job: Job) => void
  readonly progress: (path: string, task: string, done: number, total: number) => void
}

/** Does jobs until there are none, or it is told to stop. */
export async function serve(queue: JobQueue, servant: Servant): Promise<void> {
  for (let claim = await queue.claim(); claim !== undefined; claim = await queue.claim()) {
    if (servant.signal.aborted) return claim.giveBack()
    await perform(claim, servant)
  }
}

async function perform(claim: Claim, { program, folder, signal, begin, progress }: Servant): Promise<void> {
  const { job, attempt } = claim
  const own = mkdtempSync(join(folder, 'image-'))
  begin(job)
  try {
    const outcome = await runChild(
      program,
      { job, folder: own },
      { signal, progress: (task, done, total) => progress(job.path, task, done, total) },
    )
    if (outcome.kind === 'lost' && isCrash(outcome) && attempt < attemptsOf(job) && !signal.aborted)
      await claim.giveBack(outcome.why)
    else await claim.finish(located(outcome, own))
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
}

/** A child names its files; where they are is known here. */
function located(outcome: Outcome, folder: string): Outcome {
  if (outcome.kind === 'lost') return outcome
  return { ...outcome, tables: outcome.tables.map((table) => ({ ...table, file: join(folder, table.file) })) }
}
