/** Jobs on their way to whoever does them. The local queue is one list; another may be a server that many workers ask. */

import type { Job, Outcome } from './job.js'

/** A job that somebody has taken, until it is finished or given back. */
export interface Claim {
  readonly job: Job
  /** How often it was taken before: a job that ends its worker each time is given up. */
  readonly attempt: number
  /** Hands the outcome over. */
  readonly finish: (outcome: Outcome) => Promise<void>
  /** Puts it back, and says why where the job is to blame: whoever takes it next begins anew. */
  readonly giveBack: (why?: string) => Promise<void>
}

export interface JobQueue {
  /** The next job, or undefined where there will be none. */
  readonly claim: () => Promise<Claim | undefined>
}

/** Hears of each finished job; a claim is not done before this is. */
export type Finished = (job: Job, outcome: Outcome) => Promise<void>

/** The queue of one process. What is durable is the case: who starts again asks it what is done. */
export class LocalQueue implements JobQueue {
  private readonly waiting: { readonly job: Job; readonly attempt: number }[]
  private readonly taken = new Set<Job>()
  private readonly idle: (() => void)[] = []

  constructor(
    jobs: readonly Job[],
    private readonly finished: Finished,
    /** Whether more may come, until it is closed. */
    private isOpen = false,
  ) {
    this.waiting = jobs.map((job) => ({ job, attempt: 1 }))
  }

  add(job: Job): void {
    if (!this.isOpen) return
    this.waiting.push({ job, attempt: 1 })
    this.wake()
  }

  /** Nothing more comes. */
  close(): void {
    this.isOpen = false
    this.wake()
  }

  /** Hands out nothing more, not even what waits. */
  stop(): void {
    this.waiting.length = 0
    this.close()
  }

  private wake(): void {
    for (const wake of this.idle.splice(0)) wake()
  }

  async claim(): Promise<Claim | undefined> {
    for (;;) {
      const next = this.waiting.shift()
      if (next !== undefined) return this.claimOf(next.job, next.attempt)
      if (this.taken.size === 0 && !this.isOpen) return undefined
      // More may come, or another worker may give its job back.
      await new Promise<void>((resolve) => this.idle.push(resolve))
    }
  }

  private claimOf(job: Job, attempt: number): Claim {
    this.taken.add(job)
    const settle = (): void => {
      this.taken.delete(job)
      this.wake()
    }
    return {
      job,
      attempt,
      finish: async (outcome) => {
        try {
          await this.finished(job, outcome)
        } finally {
          settle()
        }
      },
      giveBack: async () => {
        this.waiting.push({ job, attempt: attempt + 1 })
        settle()
      },
    }
  }
}
