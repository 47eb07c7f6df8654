const NANOSECONDS_PER_SECOND = 1_000_000_000n

/** A time in nanoseconds since 1970 as ISO 8601 in UTC with microseconds, or null where a calendar has no such day. */
export function isoTime(nanoseconds: bigint): string | null {
  const remainder = nanoseconds % NANOSECONDS_PER_SECOND
  const fraction = remainder < 0n ? remainder + NANOSECONDS_PER_SECOND : remainder
  const seconds = (nanoseconds - fraction) / NANOSECONDS_PER_SECOND
  const date = new Date(Number(seconds) * 1000)
  if (Number.isNaN(date.getTime())) return null
  return `${date.toISOString().slice(0, -5)}.${String(fraction / 1000n).padStart(6, '0')}Z`
}
