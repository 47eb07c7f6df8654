/** The process around a command: signals, a closed pipe, the exit code. */
import { main } from './main.js'
import type { World } from './world.js'

/** What a stopped command may still do, before the process ends by the signal itself. */
const DEADLINE_MILLISECONDS = 700

export async function runProcess(backend?: string): Promise<void> {
  const controller = new AbortController()
  const cleanups: (() => void)[] = []
  let pipeClosed = false
  const stop = (signal: NodeJS.Signals): void => {
    controller.abort()
    setTimeout(() => {
      for (const cleanup of cleanups) cleanup()
      // A worker inside a long native call cannot be joined, and process.exit would wait for it.
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    }, DEADLINE_MILLISECONDS).unref()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    pipeClosed = true
    controller.abort()
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
    ...(backend === undefined ? {} : { backend }),
  }
  const code = await main(process.argv.slice(2), world)
  process.exitCode = pipeClosed ? 0 : code
}
