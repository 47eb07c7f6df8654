import { on } from 'node:events'
import { CHILD_COMMAND, type ChildMessage, type ChildRequest } from '../../batch/child.js'
import type { KeptEngine } from '../../batch/work.js'
import { SalvorError } from '../../engine/errors.js'
import { exitCodes } from '../../engine/status.js'
import type { Command, Invocation } from '../command.js'
import { pluginOption } from '../options.js'

/** Progress is told no more often than a terminal is drawn. */
const PROGRESS_MILLISECONDS = 200

/** What whoever started this process asks; their end is this process's, whatever it is doing. */
function requests(): AsyncIterable<readonly ChildRequest[]> {
  if (process.send === undefined) throw new SalvorError('USAGE', `${CHILD_COMMAND} is for salvor batch to call`)
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  // Signals that a terminal or a service manager sends to all are for that one, which may let an image come to its end.
  for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal).on(signal, () => {})
  return on(process, 'message')
}

function send(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve()
    else process.send(message, () => resolve())
  })
}

async function perform(
  { world, registry }: Invocation,
  engines: KeptEngine,
  { job, folder }: ChildRequest,
): Promise<void> {
  const { work } = await import('../../batch/work.js')
  let told = 0
  const outcome = await work(job, await engines.for(job), {
    registry,
    folder,
    signal: world.signal,
    reporter: {
      progress: (task, done, total) => {
        if (performance.now() - told < PROGRESS_MILLISECONDS) return
        told = performance.now()
        void send({ kind: 'progress', task, done, total })
      },
      // The record has what there is to say.
      log: () => {},
      warnings: () => {},
      failure: () => {},
    },
  })
  await send({ kind: 'outcome', outcome })
}

async function run(invocation: Invocation): Promise<number> {
  const { world, registry } = invocation
  const asked = requests()
  const { KeptEngine } = await import('../../batch/work.js')
  const engines = new KeptEngine(registry, world.signal, world.backend)
  try {
    for await (const [request] of asked) if (request !== undefined) await perform(invocation, engines, request)
    return exitCodes.complete
  } finally {
    await engines.close()
    // An open channel would keep the process.
    process.removeAllListeners('disconnect')
    if (process.connected) process.disconnect()
  }
}

/** Does jobs of a batch, one after the other. */
export const batchImageCommand: Command = {
  name: CHILD_COMMAND,
  internal: true,
  arguments: [],
  summary: 'Images of a batch, for salvor batch itself',
  options: [pluginOption],
  run,
}
