/** Times as the tables have them: ISO 8601 UTC with microseconds, cut and not rounded. */

const lastSecond = 253402300799n // 9999-12-31T23:59:59Z

export function isoFromNanoseconds(nanoseconds: bigint): string | null {
  const seconds = nanoseconds / 1_000_000_000n
  if (nanoseconds <= 0n || seconds > lastSecond) return null
  const micros = (nanoseconds % 1_000_000_000n) / 1000n
  return withMicros(Number(seconds) * 1000, String(micros).padStart(6, '0'))
}

const rfc3339 =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?\s?(Z|[+-]\d{2}:?\d{2})(?: [A-Z]{1,5}| [+-]\d{2,4})?$/

/** RFC 3339 as Go writes it, and Go's `time.String()`; the zero time (year 1) means "never" and is null. */
export function isoFromText(value: string | null): string | null {
  const match = value === null || value.length > 64 ? null : rfc3339.exec(value)
  if (!match) return null
  const [, day, time, fraction, zone] = match
  const offset = zone === 'Z' ? 'Z' : `${zone?.slice(0, 3)}:${zone?.slice(-2)}`
  const milliseconds = Date.parse(`${day}T${time}${offset}`)
  if (Number.isNaN(milliseconds) || milliseconds <= 0) return null
  return withMicros(milliseconds, (fraction ?? '').padEnd(6, '0').slice(0, 6))
}

function withMicros(milliseconds: number, micros: string): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}.${micros}Z`
}
