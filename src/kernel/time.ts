/** Wall-clock times from the kernel's own timekeeper. */

import { isoTime } from '../iso-time.js'
import type { Kernel } from './kernel.js'

const SECOND = 1_000_000_000n
const COLUMNS = ['offs_real', 'offs_boot', 'seconds', 'nanoseconds'] as const
/** The timekeeper follows a sequence counter and, on newer kernels, a lock: it starts within this many bytes. */
const FARTHEST = 256

/**
 * When the machine booted, in nanoseconds since the epoch: `offs_real - offs_boot`, as getboottime64() has it
 * (kernel/time/timekeeping.c). Null when no timekeeper can be found or believed.
 *
 * `tk_core` is of an unnamed type, so where its timekeeper starts is found by an invariant that the kernel keeps:
 * `offs_real` is `wall_to_monotonic` with the sign turned.
 */
export function bootTime(kernel: Kernel): bigint | null {
  return kernel.once(readOffsets)?.boot ?? null
}

/** USER_HZ: what the kernel counts in towards programs (include/asm-generic/param.h). */
const TICKS = 100n

/** A start as /proc/PID/stat tells it, in clock ticks since the machine booted; a tick off where one just ends. */
export function startTicks(kernel: Kernel, started: string | null): number | null {
  const boot = bootTime(kernel)
  if (boot === null || started === null) return null
  const [seconds = '', fraction = ''] = started.replace('Z', '').split('.')
  const milliseconds = Date.parse(`${seconds}Z`)
  if (Number.isNaN(milliseconds)) return null
  const whole = BigInt(milliseconds) * 1_000_000n
  return Number(((whole + BigInt(fraction.padEnd(9, '0')) - boot) * TICKS) / SECOND)
}

/** When a clock stood at zero, in nanoseconds since the epoch: CLOCK_REALTIME, CLOCK_MONOTONIC or CLOCK_BOOTTIME. */
export function clockStart(kernel: Kernel, clock: 'real' | 'monotonic' | 'boot'): bigint | null {
  const offsets = kernel.once(readOffsets)
  return clock === 'real' ? 0n : (offsets?.[clock] ?? null)
}

/** When memory was taken, ISO 8601 to the second: CLOCK_REALTIME, as the kernel last brought it up to date. */
export function imageTime(kernel: Kernel): string | null {
  const seconds = kernel.once(readOffsets)?.now ?? null
  return seconds === null ? null : isoTime(seconds * SECOND)
}

interface Offsets {
  monotonic: bigint
  boot: bigint
  /** In seconds. */
  now: bigint | null
}

function readOffsets(kernel: Kernel): Offsets | null {
  const start = firstSymbol(kernel, ['tk_core', 'timekeeper_data'])
  if (start === null) return null
  const candidates = Array.from({ length: FARTHEST / 8 }, (_, index) => start + BigInt(index * 8))
  const batch = kernel.at(candidates, 'struct timekeeper').select({
    offs_real: 'offs_real',
    offs_boot: 'offs_boot',
    seconds: 'wall_to_monotonic.tv_sec',
    nanoseconds: 'wall_to_monotonic.tv_nsec',
    now: 'xtime_sec',
  })
  for (let row = 0; row < batch.length; row++) {
    const [real, boot, seconds, nanoseconds] = COLUMNS.map((name) => batch.column(name).bigint(row))
    if (real == null || boot == null || seconds == null || nanoseconds == null) continue
    if (real > SECOND && real === -(seconds * SECOND + nanoseconds)) {
      return { monotonic: real, boot: real - boot, now: batch.column('now').bigint(row) }
    }
  }
  return null
}

function firstSymbol(kernel: Kernel, names: string[]): bigint | null {
  for (const name of names) {
    const address = kernel.address(name)
    if (address !== null) return address
  }
  return null
}
