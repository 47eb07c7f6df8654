import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { BatchReporter, ImageEnd } from '../../batch/batch.js'
import { SalvorError, toFailure } from '../../engine/errors.js'
import { exitCodes } from '../../engine/status.js'
import { isObjectName } from '../../intake/names.js'
import type { Arrivals } from '../../watch/arrivals.js'
import { caseOptions, readCaseRequest } from '../case-request.js'
import type { Command, Invocation } from '../command.js'
import { DEFAULT_GRACE, withinGrace } from '../grace.js'
import { hookOptions, readHooks, withHooks } from '../hook-options.js'
import { childProgram, imageEngineOptions, imageOptions, readImageProcesses } from '../image-process.js'
import { cacheOptions, intakeOptions, optionalNumber, readRunOptions, unpackOption } from '../options.js'
import { sayTo } from '../say.js'
import { cacheDirectory, imagePath, intakeSettings } from '../session.js'
import { type WatchReporter, watchReporter } from '../watch-reporter.js'

/** Seconds. */
const DEFAULT_SETTLE = 30
const DEFAULT_INTERVAL = 5

/** The places that words name. A single image is what `batch` is for. */
function placesOf(words: readonly string[], directory: string): string[] {
  return words.map((word) => {
    const path = imagePath(directory, word)
    if (isObjectName(path) || statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path
    throw new SalvorError('USAGE', `watch: ${word} is no folder and no s3://BUCKET/PREFIX`)
  })
}

/** Has what was lost tried again, and holds what was taken against its manifest. */
function attentive(reporter: WatchReporter, arrivals: Arrivals, ended: () => void): BatchReporter {
  return {
    ...reporter,
    end: (image: ImageEnd) => {
      reporter.end(image)
      const { path, state, outcome } = image
      const claim = arrivals.claim(path)
      if (state === 'lost') arrivals.lost(path)
      else if (outcome?.kind === 'result' && claim !== undefined) {
        const { sha256 } = outcome.record
        // One that was not hashed cannot be held against it.
        if (sha256 !== null && claim.sha256 !== sha256) reporter.differs(path, sha256, claim.sha256)
      }
      ended()
    },
  }
}

async function run(invocation: Invocation): Promise<number> {
  const { raw, world, registry } = invocation
  const { folder, sources, settings } = readCaseRequest('watch', invocation)
  const options = readRunOptions(raw)
  const { workers, threads, limits } = readImageProcesses(raw)
  const seconds = (name: string, value: unknown, otherwise: number) => (optionalNumber(name, value) ?? otherwise) * 1000
  const settle = seconds('--settle', raw.settle, DEFAULT_SETTLE)
  const interval = seconds('--interval', raw.interval, DEFAULT_INTERVAL)
  const idle = optionalNumber('--idle-exit', raw.idleExit)
  const grace = optionalNumber('--grace', raw.grace, 0) ?? DEFAULT_GRACE
  const words = placesOf(sources, world.directory)
  const [{ CaseStore }, { LocalBatch }, { Arrivals: Class }, { watchedFolder }, { watch }] = await Promise.all([
    import('../../case/store.js'),
    import('../../batch/batch.js'),
    import('../../watch/arrivals.js'),
    import('../../watch/folder.js'),
    import('../../watch/watch.js'),
  ])
  const path = resolve(world.directory, folder)
  const reporter = watchReporter(world, options.quiet)
  // Of an image that was finished in time, they hear even then.
  const over = withinGrace(world, grace, () => reporter.stopping())
  const hooks = await readHooks(raw, world, sayTo(world), over)
  const intake = intakeSettings(options, world.env, world.directory)
  const buckets: { close: () => void }[] = []
  const places = []
  for (const word of words) {
    if (!isObjectName(word)) places.push(watchedFolder(word))
    else {
      const [{ Bucket }, { watchedBucket }] = await Promise.all([
        import('../../intake/s3/bucket.js'),
        import('../../watch/bucket.js'),
      ])
      const bucket = Bucket.open(intake, world.signal)
      buckets.push(bucket)
      places.push(watchedBucket(word, bucket))
    }
  }
  // What is wrong with the case is told now, and not when the first image is there.
  ;(await CaseStore.write(path)).close()
  const arrivals = new Class(places, { settle, told: reporter.trouble })
  const batchOptions = {
    settings,
    threads,
    cacheDir: cacheDirectory(options, world.env),
    intake,
    limits,
    signal: over,
    workers,
    program: childProgram(raw),
  }
  reporter.ready(words, path)
  try {
    await watch(arrivals, {
      interval,
      ...(idle === undefined ? {} : { idle: idle * 1000 }),
      signal: world.signal,
      perform: async (images, ended) => {
        const told = withHooks(attentive(reporter, arrivals, ended), hooks, path)
        // Somebody may be asking it just now.
        const store = await CaseStore.write(path).catch((error: unknown) => toFailure(error))
        if ('code' in store) {
          reporter.trouble(store.message)
          return false
        }
        try {
          await new LocalBatch(store, registry, batchOptions, told).follow(images, world.signal)
          return true
        } finally {
          store.close()
        }
      },
    })
    await hooks?.close()
    return exitCodes.complete
  } finally {
    for (const bucket of buckets) bucket.close()
  }
}

export const watchCommand: Command = {
  name: 'watch',
  arguments: [{ name: 'sources', kind: 'sources', several: true }],
  summary: 'Takes images into a case as they arrive in a folder or a bucket',
  description:
    'A source is a folder or s3://BUCKET/PREFIX; names of analyzers may stand beside it. An upload is over when the manifest ' +
    'beside it (salvor acquire) has its size, or when it has not changed for --settle seconds and nobody on this machine ' +
    'has it open to write. Told to stop (SIGTERM), it takes nothing more and finishes what it can within --grace seconds; ' +
    'started again, it goes on, and nothing is done twice.',
  examples: [
    { command: 'salvor watch /srv/uploads --case /srv/cases/ir-7', what: 'every table of every image that arrives' },
    {
      command: 'salvor watch s3://evidence/ir-7 --case ir-7 --profile quick --hook https://soar.example/salvor',
      what: 'from a bucket; a server hears of each',
    },
  ],
  options: [
    ...caseOptions,
    { name: 'settle', value: 'N', summary: `Seconds that an upload has to stay as it is (default: ${DEFAULT_SETTLE})` },
    { name: 'interval', value: 'N', summary: `Seconds between two looks (default: ${DEFAULT_INTERVAL})` },
    { name: 'idle-exit', value: 'N', summary: 'End when nothing was on its way for N seconds' },
    { name: 'grace', value: 'N', summary: `Seconds for what is begun when told to stop (default: ${DEFAULT_GRACE})` },
    ...hookOptions,
    ...imageOptions,
    ...imageEngineOptions('1'),
    ...cacheOptions,
    unpackOption,
    ...intakeOptions,
  ],
  run,
}
