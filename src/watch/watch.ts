/** Looks for uploads that are over, time after time, and has them done while more arrive. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { NamedImage } from '../batch/sources/source.js'
import type { Arrivals } from './arrivals.js'

export interface WatchOptions {
  /** Milliseconds between two looks. */
  readonly interval: number
  /** Milliseconds without anything to wait for after which it ends. */
  readonly idle?: number
  /** Aborted when nothing more is to be taken. */
  readonly signal: AbortSignal
  /**
   * Does images as they come; called when there are any, and over when they are done: in between, the case is free for
   * whoever wants to ask it. False where it could not begin: they are tried again later.
   */
  readonly perform: (images: AsyncIterable<NamedImage>, ended: Ended) => Promise<boolean>
}

/** Is to be called for each image at its end. */
export type Ended = () => void

export async function watch(arrivals: Arrivals, { interval, idle, signal, perform }: WatchOptions): Promise<void> {
  const pause = (): Promise<unknown> => sleep(interval, undefined, { signal }).catch(() => {})
  async function* whileBusy(first: readonly NamedImage[], pending: { count: number }): AsyncGenerator<NamedImage> {
    for (let ready = first; !signal.aborted; ready = await arrivals.poll()) {
      pending.count += ready.length
      yield* ready
      await pause()
      if (pending.count === 0) return
    }
  }
  for (let quiet = Date.now(); !signal.aborted; await pause()) {
    const ready = await arrivals.poll()
    if (ready.length > 0) {
      const pending = { count: 0 }
      if (!(await perform(whileBusy(ready, pending), () => pending.count--)))
        for (const { path } of ready) arrivals.lost(path)
      quiet = Date.now()
    } else if (arrivals.waiting > 0) quiet = Date.now()
    else if (idle !== undefined && Date.now() - quiet >= idle) return
  }
}
