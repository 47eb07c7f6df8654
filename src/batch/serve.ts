/** Takes jobs from a queue and has them done by children of this process, one after the other. */

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { STANDARD_INPUT } from '../intake/names.js'
import { type ChildProgram, Children, isCrash } from './child.js'
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

/** Hands an outcome over, and lets go of what it was made of. */
type Finish = () => Promise<void>

/** Does jobs until there are none, or it is told to stop. While a result is taken, the next image is begun. */
export async function serve(queue: JobQueue, servant: Servant): Promise<void> {
  const children = new Children(servant.program)
  let finished: Promise<void> = Promise.resolve()
  try {
    for (let claim = await queue.claim(); claim !== undefined; claim = await queue.claim()) {
      if (servant.signal.aborted) {
        await claim.giveBack()
        break
      }
      const finish = await perform(claim, children, servant)
      await finished
      finished = finish()
      // Heard above, or below.
      finished.catch(() => {})
    }
  } finally {
    await Promise.all([finished, children.close()])
  }
}

async function perform(
  claim: Claim,
  children: Children,
  { folder, signal, begin, progress }: Servant,
): Promise<Finish> {
  const { job, attempt } = claim
  const own = mkdtempSync(join(folder, 'image-'))
  const remove = (): void => rmSync(own, { recursive: true, force: true })
  begin(job)
  const outcome = await children.run(
    { job, folder: own },
    { signal, progress: (task, done, total) => progress(job.path, task, done, total) },
  )
  if (outcome.kind === 'lost' && isCrash(outcome) && attempt < attemptsOf(job) && !signal.aborted) {
    remove()
    await claim.giveBack(outcome.why)
    return async () => {}
  }
  return () => claim.finish(located(outcome, own)).finally(remove)
}

/** A child names its files; where they are is known here. */
function located(outcome: Outcome, folder: string): Outcome {
  if (outcome.kind === 'lost') return outcome
  return { ...outcome, tables: outcome.tables.map((table) => ({ ...table, file: join(folder, table.file) })) }
}
