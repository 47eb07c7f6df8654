import type { World } from './world.js'

/** What Kubernetes waits for by default, less what an end takes. */
export const DEFAULT_GRACE = 25
/** For what is left to do when the time is over. */
const END_MILLISECONDS = 10_000

/** Has a command that is told to stop take nothing more; the answer is aborted when the time is over for what is begun. */
export function withinGrace(world: World, seconds: number, stop: () => void): AbortSignal {
  const over = new AbortController()
  world.stopWithin?.(seconds * 1000 + END_MILLISECONDS)
  const drain = (): void => {
    stop()
    setTimeout(() => over.abort(), seconds * 1000).unref()
  }
  if (world.signal.aborted) drain()
  else world.signal.addEventListener('abort', drain, { once: true })
  return over.signal
}
