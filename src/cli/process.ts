/** The process around a command: signals, standard output that fails, the exit code. */
import { exitCodes } from '../engine/status.js'
import { outputFailure } from '../output/target.js'
import { main } from './main.js'
import type { World } from './world.js'

/** What a stopped command may still do that asks for no more, before the process ends by the signal itself. */
const DEADLINE_MILLISECONDS = 700

export async function runProcess(backend?: string): Promise<void> {
  const controller = new AbortController()
  const cleanups: (() => void)[] = []
  let ended: number | undefined
  let broken: NodeJS.ErrnoException | undefined
  let deadline = DEADLINE_MILLISECONDS
  const stop = (signal: NodeJS.Signals): void => {
    const within = controller.signal.aborted ? DEADLINE_MILLISECONDS : deadline
    controller.abort()
    setTimeout(() => {
      for (const cleanup of cleanups) cleanup()
      // A worker inside a long native call cannot be joined, and process.exit would wait for it.
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    }, within).unref()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  // Without a listener the signal ends the process; with one, a file that may not grow further is a failed write.
  process.on('SIGXFSZ', () => {})
  const end = (): void => {
    if (ended !== undefined) process.exitCode = broken === undefined ? ended : brokenExitCode(broken)
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (broken !== undefined) return
    broken = error
    controller.abort()
    // A short command may have ended before its last write failed.
    end()
  })
  // Nobody is left to tell that stderr is gone.
  process.stderr.on('error', () => {})
  const world: World = {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    directory: process.cwd(),
    signal: controller.signal,
    onAbort: (cleanup) => cleanups.push(cleanup),
    stopWithin: (milliseconds) => {
      deadline = milliseconds
    },
    keepTo: async (processors) => (await import('./processors.js')).keepTo(processors),
    ...(backend === undefined ? {} : { backend }),
  }
  ended = await main(process.argv.slice(2), world)
  end()
}

/** How a command ends whose standard output failed. A reader that went away has read enough. */
function brokenExitCode(error: NodeJS.ErrnoException): number {
  if (error.code === 'EPIPE') return exitCodes.complete
  process.stderr.write(`salvor: ${outputFailure('standard output', error).message}\n`)
  return exitCodes.internal
}
