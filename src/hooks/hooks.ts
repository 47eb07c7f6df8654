/** Others that hear of images as they end. Whatever becomes of them, the batch goes on: what failed is told and counted. */

import type { EventKind, HookEvent } from './event.js'

export interface Delivery {
  /** The same for each attempt, and of no other event. */
  readonly id: string
  readonly body: string
}

export interface Hook {
  /** As it is told to people: without secrets. */
  readonly name: string
  /** Throws where the event could not be handed over. */
  readonly deliver: (delivery: Delivery, signal: AbortSignal) => Promise<void>
}

export interface HooksOptions {
  readonly kinds: ReadonlySet<EventKind>
  readonly signal: AbortSignal
  readonly failed: (hook: string, event: HookEvent, why: string) => void
  readonly newId: () => string
}

export class Hooks {
  /** Of each hook: it hears of events one after the other, in their order. */
  private readonly tails = new Map<Hook, Promise<void>>()
  delivered = 0
  failures = 0

  constructor(
    private readonly hooks: readonly Hook[],
    private readonly options: HooksOptions,
  ) {}

  tell(events: readonly HookEvent[]): void {
    for (const event of events) {
      if (!this.options.kinds.has(event.event)) continue
      const delivery = { id: `salvor_${this.options.newId()}`, body: JSON.stringify(event) }
      for (const hook of this.hooks) {
        const before = this.tails.get(hook) ?? Promise.resolve()
        this.tails.set(
          hook,
          before.then(() => this.deliver(hook, event, delivery)),
        )
      }
    }
  }

  /** Waits until all have heard of everything, or failed to. */
  async close(): Promise<void> {
    await Promise.all(this.tails.values())
  }

  private async deliver(hook: Hook, event: HookEvent, delivery: Delivery): Promise<void> {
    const { signal, failed } = this.options
    try {
      signal.throwIfAborted()
      await hook.deliver(delivery, signal)
      this.delivered++
    } catch (error) {
      this.failures++
      failed(hook.name, event, signal.aborted ? 'interrupted' : error instanceof Error ? error.message : String(error))
    }
  }
}
