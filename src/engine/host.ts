import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { expose } from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'
import type { Host } from './tasks.js'

export interface HostHandlers {
  readonly rows: Host['rows']
  readonly progress: Host['progress']
  readonly log: Host['log']
  readonly begin: () => void
  readonly signal: AbortSignal
}

/** Opens the channel over which one task reaches its host; `port` goes to the worker with the task. */
export function openHost(handlers: HostHandlers): { port: MessagePort; close: () => void } {
  const { port1, port2 } = new MessageChannel()
  const { signal } = handlers
  // Who waits for the run's end waits no longer than for the task's: a run of many tables would gather listeners.
  const done = new AbortController()
  const host: Host = {
    rows: handlers.rows,
    progress: handlers.progress,
    log: handlers.log,
    begin: () => {
      handlers.begin()
      return new Promise((resolve) => {
        if (signal.aborted) resolve()
        else signal.addEventListener('abort', () => resolve(), { once: true, signal: done.signal })
      })
    },
  }
  expose(host, nodeEndpoint(port1))
  const close = (): void => {
    done.abort()
    port1.close()
  }
  return { port: port2, close }
}
