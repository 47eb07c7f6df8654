import { rmSync } from 'node:fs'
import { endOf } from '../../batch/batch.js'
import type { Job } from '../../batch/job.js'
import { pluginsOf } from '../../batch/plugins.js'
import type { Claim, JobQueue } from '../../batch/queue.js'
import { SalvorError } from '../../engine/errors.js'
import { exitCodes } from '../../engine/status.js'
import { eventsOf } from '../../hooks/event.js'
import type { Hooks } from '../../hooks/hooks.js'
import { version } from '../../version.js'
import type { Command, Invocation } from '../command.js'
import { DEFAULT_GRACE, withinGrace } from '../grace.js'
import { hookOptions, readHooks } from '../hook-options.js'
import { childProgram, type ImageProcesses, imageOptions, imageThreads, readImageProcesses } from '../image-process.js'
import {
  cacheOptions,
  intakeOptions,
  optionalNumber,
  pluginOption,
  quietOption,
  readRunOptions,
  singleOption,
} from '../options.js'
import { type QueueChoice, queueOptions, readQueueOptions, toldTo } from '../queue-options.js'
import { sayTo } from '../say.js'
import { cacheDirectory, imagePath, intakeSettings } from '../session.js'
import { type WorkerReporter, workerReporter } from '../worker-reporter.js'

/** Seconds; with `--once`, nobody waits for a job that does not come. */
const ONCE_IDLE = 10
const DEFAULT_LOCK = 30

interface WorkerOptions extends ImageProcesses {
  readonly choice: QueueChoice
  readonly once: boolean
  readonly idle?: number
  readonly grace: number
  readonly lock: number
  readonly results?: string
}

async function readOptions({ raw, world }: Invocation): Promise<WorkerOptions> {
  const choice = await readQueueOptions(
    raw.queue === undefined && world.env.REDIS_URL ? { ...raw, queue: 'env' } : raw,
    world,
  )
  if (choice === undefined) throw new SalvorError('USAGE', 'worker needs a queue: --queue URL, or REDIS_URL')
  const once = raw.once === true
  const idle = optionalNumber('--idle-exit', raw.idleExit) ?? (once ? ONCE_IDLE : undefined)
  const results = singleOption(raw.results)
  return {
    choice,
    ...readImageProcesses(raw, once ? 1 : undefined),
    once,
    grace: optionalNumber('--grace', raw.grace, 0) ?? DEFAULT_GRACE,
    lock: optionalNumber('--lock', raw.lock) ?? DEFAULT_LOCK,
    ...(idle === undefined ? {} : { idle }),
    ...(results === undefined ? {} : { results: imagePath(world.directory, results) }),
  }
}

/** Hears of each job's end before the queue does. */
function reported(queue: JobQueue, reporter: WorkerReporter): JobQueue {
  const watched = (claim: Claim): Claim => {
    const begun = performance.now()
    return {
      ...claim,
      finish: (outcome) => {
        if (outcome.kind === 'lost' && outcome.exitCode === exitCodes.interrupted) reporter.givenBack(claim.job)
        else reporter.end(claim.job, outcome, performance.now() - begun)
        return claim.finish(outcome)
      },
      giveBack: (why) => {
        reporter.givenBack(claim.job, why)
        return claim.giveBack(why)
      },
    }
  }
  return {
    claim: async () => {
      const claim = await queue.claim()
      return claim === undefined ? undefined : watched(claim)
    },
  }
}

async function run(invocation: Invocation): Promise<number> {
  const { raw, world, registry } = invocation
  const options = await readOptions(invocation)
  const run = readRunOptions(raw)
  const [{ connect }, { RedisQueue }, { makeWorkFolder }, { serve }] = await Promise.all([
    import('../../batch/redis/connect.js'),
    import('../../batch/redis/worker-queue.js'),
    import('../../batch/redis/work-folder.js'),
    import('../../batch/serve.js'),
  ])
  const { choice, workers, grace } = options
  const reporter = workerReporter(world, run.quiet)
  const connection = await connect(choice.address, toldTo(world))
  const folder = makeWorkFolder()
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  world.onAbort(remove)
  let hooks: Hooks | undefined
  const queue = new RedisQueue(connection, {
    ...options,
    queue: choice.queue,
    slots: workers,
    version,
    plugins: pluginsOf(registry),
    cacheDir: cacheDirectory(run, world.env),
    intake: intakeSettings(run, world.env, world.directory),
    folder,
    refused: reporter.refused,
    delivered: (job, outcome) => hooks?.tell(eventsOf(null, endOf(job, outcome, 0))),
  })
  // Told to stop, it takes nothing more; what is not done when the time is over is given back.
  const over = withinGrace(world, grace, () => {
    queue.stop()
    reporter.stopping()
  })
  const servant = {
    program: childProgram(raw),
    folder,
    signal: over,
    begin: (job: Job) => reporter.begin(job),
    progress: () => {},
  }
  try {
    // Of an image that was finished in time, they hear even then.
    hooks = await readHooks(raw, world, sayTo(world), over)
    reporter.ready(choice.address.name, choice.queue, workers)
    const watched = reported(queue, reporter)
    await Promise.all(Array.from({ length: workers }, () => serve(watched, servant)))
    await hooks?.close()
    return exitCodes.complete
  } finally {
    await queue.close()
    remove()
  }
}

export const workerCommand: Command = {
  name: 'worker',
  arguments: [],
  summary: 'Analyzes the images of batches that are run with --queue, on this machine',
  description:
    'Any number of them, on any machine that reaches the images under the same paths, or in the same buckets. Each image is analyzed in a process of ' +
    'its own. Told to stop (SIGTERM), a worker takes no further image, finishes what it can within --grace seconds and gives ' +
    'the rest back to others. A worker of another version, or with other plugins, refuses jobs and says so.',
  examples: [
    { command: 'salvor worker --queue redis://queue.example:6379', what: 'as many images at once as there are CPUs' },
    {
      command: 'salvor worker --queue env --idle-exit 60',
      what: 'until there is nothing to do; the address is in REDIS_URL',
    },
  ],
  options: [
    ...queueOptions,
    ...imageOptions,
    imageThreads('1; with --once all'),
    { name: 'once', summary: `End after one image, or where none comes for ${ONCE_IDLE} seconds` },
    { name: 'idle-exit', value: 'N', summary: 'End when there was no image for N seconds' },
    { name: 'grace', value: 'N', summary: `Seconds for what is begun when told to stop (default: ${DEFAULT_GRACE})` },
    { name: 'lock', value: 'N', summary: `Seconds until a silent worker is taken for dead (default: ${DEFAULT_LOCK})` },
    {
      name: 'results',
      value: 'DIR',
      summary: 'The folder or s3://BUCKET/PREFIX for results, if it is called otherwise here',
    },
    ...hookOptions,
    pluginOption,
    quietOption,
    ...cacheOptions,
    ...intakeOptions,
  ],
  run,
}
