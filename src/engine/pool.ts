import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import { bundle } from '../paths.js'
import { fromFailure, SalvorError } from './errors.js'
import type { Answer, Results, Task, WorkerData } from './tasks.js'

export interface PoolOptions {
  readonly threads?: number
  /** Start all workers at once and not when there is work for them: a scan will want every one. */
  readonly eager?: boolean
  /** Load the kernel layer at once and not with the first task: an analyzer of a file asks nothing of it. */
  readonly kernel?: boolean
  /** The module that the workers use as `backend`; the kernel layer unless a test says otherwise. */
  readonly backend?: string
}

/** Keeps a worker, once started, until the pool is closed: the next step will want it. */
const IDLE_MILLISECONDS = 600_000

/** The worker threads. */
export class Pool {
  readonly threads: number
  private readonly piscina: Piscina

  constructor(options: PoolOptions = {}) {
    this.threads = options.threads ?? availableParallelism()
    this.piscina = new Piscina({
      filename: fileURLToPath(new URL('worker.cjs', bundle)),
      minThreads: options.eager ? this.threads : 0,
      maxThreads: this.threads,
      idleTimeout: IDLE_MILLISECONDS,
      recordTiming: false,
      trackUnmanagedFds: false,
      workerData: { backend: options.backend, kernel: options.kernel ?? true } satisfies WorkerData,
    })
  }

  /** Runs one task and gives its answer as it is, so that the warnings of a failed one are not lost. */
  async ask<K extends Task['kind']>(task: Extract<Task, { kind: K }>): Promise<Answer<Results[K]>> {
    try {
      const transferList = 'port' in task ? [task.port] : []
      return (await this.piscina.run(task, { transferList })) as Answer<Results[K]>
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new SalvorError('INTERNAL', `a worker thread ended: ${reason}`, { cause: error })
    }
  }

  /** Runs one task; a failure is thrown. */
  async run<K extends Task['kind']>(task: Extract<Task, { kind: K }>): Promise<Results[K]> {
    const answer = await this.ask<K>(task)
    if (answer.ok) return answer.value
    throw fromFailure(answer.failure)
  }

  /** Ends all workers, whatever they are doing. */
  async close(): Promise<void> {
    await this.piscina.destroy()
  }
}
