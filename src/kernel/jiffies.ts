/** Moments that the kernel counts in ticks. */

import type { Kernel } from './kernel.js'

const SECOND = 1_000_000_000

/** The tick that memory was taken in, and how many of them there are in a second. */
export interface Ticks {
  now: bigint
  hz: number
}

/**
 * Null where either cannot be told. The clock that counts ticks has a tick's nanoseconds as its scale
 * (kernel/time/jiffies.c).
 */
export function readTicks(kernel: Kernel): Ticks | null {
  const at = (symbol: string) => [kernel.address(symbol)].filter((address) => address !== null)
  const ticks = kernel.at(at('jiffies_64'), 'unsigned long').select({ now: '' })
  const clock = kernel.at(at('clocksource_jiffies'), 'struct clocksource').select({ mult: 'mult', shift: 'shift' })
  const [now, mult, shift] = [
    ticks.column('now').bigint(0),
    clock.column('mult').number(0),
    clock.column('shift').number(0),
  ]
  if (now === null || mult === null || shift === null) return null
  const nanoseconds = mult / 2 ** shift
  return nanoseconds > 0 ? { now, hz: Math.round(SECOND / nanoseconds) } : null
}

/** Seconds from now to a moment that is kept in 32 bits; negative for one that has passed. */
export function secondsTo(ticks: Ticks, moment: number): number {
  return Number(BigInt.asIntN(32, BigInt(moment) - ticks.now)) / ticks.hz
}
