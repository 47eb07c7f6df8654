import { CHILD_COMMAND, type ChildMessage, type ChildRequest } from '../../batch/child.js'
import { SalvorError } from '../../engine/errors.js'
import { exitCodes } from '../../engine/status.js'
import type { Command, Invocation } from '../command.js'
import { pluginOption } from '../options.js'

/** Progress is told no more often than a terminal is drawn. */
const PROGRESS_MILLISECONDS = 200

/** One message of whoever started this process; its end is this process's, whatever it is doing. */
function requested(): Promise<ChildRequest> {
  if (process.send === undefined) throw new SalvorError('USAGE', `${CHILD_COMMAND} is for salvor batch to call`)
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  // Signals that a terminal or a service manager sends to all are for that one, which may let an image come to its end.
  for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal).on(signal, () => {})
  return new Promise((resolve) => process.once('message', (message) => resolve(message as ChildRequest)))
}

function send(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve()
    else process.send(message, () => resolve())
  })
}

async function perform({ world, registry }: Invocation, { job, folder }: ChildRequest): Promise<void> {
  const { work } = await import('../../batch/work.js')
  let told = 0
  const outcome = await work(job, {
    registry,
    folder,
    signal: world.signal,
    ...(world.backend === undefined ? {} : { backend: world.backend }),
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
  const request = await requested()
  try {
    await perform(invocation, request)
    return exitCodes.complete
  } finally {
    // An open channel would keep the process.
    process.removeAllListeners('disconnect')
    if (process.connected) process.disconnect()
  }
}

/** Does one job of a batch. */
export const batchImageCommand: Command = {
  name: CHILD_COMMAND,
  internal: true,
  arguments: [],
  summary: 'One image of a batch, for salvor batch itself',
  options: [pluginOption],
  run,
}
