import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import { bundle } from '../paths.js'
import { fromFailure, SalvorError } from './errors.js'
import type { Lane } from './lanes.js'
import type { Answer, Results, Task, WorkerData } from './tasks.js'

export interface PoolOptions {
  readonly threads?: number
  /** Start all workers at once and not when there is work for them: tables and a scan will want every one. */
  readonly eager?: boolean
  /** Load the kernel layer at once and not with the first task: an analyzer of a file asks nothing of it. */
  readonly kernel?: boolean
  /** The module that the workers use as `backend`; the kernel layer unless a test says otherwise. */
  readonly backend?: string
  /** The process is salvor's own, and no program that uses it. */
  readonly own?: boolean
  /** Most memory of a worker for JavaScript's own objects, in MiB; without it what Node.js takes for enough. */
  readonly memory?: number
}

/** How one task is run. */
interface Run {
  /** Where a table runs. */
  readonly lane?: Lane
  /** Ends the task and its worker; its reason is the error. */
  readonly signal?: AbortSignal | undefined
}

type Balancer = NonNullable<NonNullable<ConstructorParameters<typeof Piscina>[0]>['loadBalancer']>
type Worker = Parameters<Balancer>[1][number]

/** Keeps a worker, once started, until the pool is closed: the next step will want it. */
const IDLE_MILLISECONDS = 600_000

/** Where Piscina lets a task say what its place depends on. */
const LANE = Piscina.queueOptionsSymbol

type Placed = Readonly<Record<symbol, Lane | null | undefined>>

/** The worker threads. */
export class Pool {
  readonly threads: number
  private readonly piscina: Piscina
  private readonly memory: number | undefined
  /** Lanes on which a table runs. */
  private readonly busy = new Set<Lane>()

  constructor(options: PoolOptions = {}) {
    this.threads = options.threads ?? availableParallelism()
    this.memory = options.memory
    this.piscina = new Piscina({
      filename: fileURLToPath(new URL('worker.cjs', bundle)),
      // One at least: where the last was ended, what waits needs another.
      minThreads: options.eager ? this.threads : 1,
      maxThreads: this.threads,
      // A table need not wait for another worker because its own is at a chunk of a scan.
      concurrentTasksPerWorker: 2,
      loadBalancer: (task, workers) => this.place((task as unknown as Placed)[LANE], workers),
      idleTimeout: IDLE_MILLISECONDS,
      recordTiming: false,
      trackUnmanagedFds: false,
      workerData: {
        backend: options.backend,
        kernel: options.kernel ?? true,
        own: options.own ?? false,
      } satisfies WorkerData,
      ...(options.memory === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: options.memory } }),
    })
    // A worker may reach its limit of memory while it is being ended for its table's limit of time: then no task has it.
    this.piscina.on('error', (error: unknown) => {
      if (!isOutOfMemory(error)) throw error
    })
  }

  /** Runs one task and gives its answer as it is, so that the warnings of a failed one are not lost. */
  async ask<K extends Task['kind']>(
    task: Extract<Task, { kind: K }>,
    { lane, signal }: Run = {},
  ): Promise<Answer<Results[K]>> {
    try {
      const transferList = 'port' in task ? [task.port] : []
      const options = signal === undefined ? { transferList } : { transferList, signal }
      return (await this.piscina.run({ ...task, [LANE]: lane }, options)) as Answer<Results[K]>
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      throw this.ended(error)
    } finally {
      if (lane !== undefined) this.busy.delete(lane)
    }
  }

  /** Runs one task; a failure is thrown. */
  async run<K extends Task['kind']>(task: Extract<Task, { kind: K }>, how: Run = {}): Promise<Results[K]> {
    const answer = await this.ask<K>(task, how)
    if (answer.ok) return answer.value
    throw fromFailure(answer.failure)
  }

  /** Ends all workers, whatever they are doing. */
  async close(): Promise<void> {
    await this.piscina.destroy()
  }

  /** A table goes to the worker of its lane, and anything else to one that has nothing to do. */
  private place(lane: Lane | null | undefined, workers: readonly Worker[]): Worker | null {
    const idle = workers.find(({ currentUsage }) => currentUsage === 0) ?? null
    if (lane == null) return idle
    // Piscina asks as soon as a task has ended, and never again for it where nothing else runs: a worker without work
    // is free, although whoever waits for its table has not heard of the end yet.
    const working = new Set(workers.flatMap(({ id, currentUsage }) => (currentUsage === 0 ? [] : id)))
    const taken = new Set(
      [...this.busy].flatMap(({ worker }) => (worker !== null && working.has(worker) ? worker : [])),
    )
    const home = workers.find(({ id }) => id === lane.worker)
    const free = home ?? idle ?? workers.find(({ id }) => !taken.has(id))
    if (free === undefined || taken.has(free.id)) return null
    lane.worker = free.id
    this.busy.add(lane)
    return free
  }

  private ended(error: unknown): SalvorError {
    const reason = error instanceof Error ? error.message : String(error)
    if (!isOutOfMemory(error)) {
      return new SalvorError('INTERNAL', `a worker thread ended: ${reason}`, { cause: error })
    }
    const limit = this.memory === undefined ? 'a worker has' : `--memory allows (${this.memory} MiB)`
    return new SalvorError('LIMIT', `it needs more memory than ${limit}`, { cause: error })
  }
}

function isOutOfMemory(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_WORKER_OUT_OF_MEMORY'
}
