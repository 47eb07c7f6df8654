/** What a process was called with, in its own memory. */

/**
 * Where arguments and environment begin and end, within their bytes. A title that a program wrote over its arguments runs on
 * into its environment, which /proc/PID/cmdline follows (fs/proc/base.c, get_mm_cmdline). Readers refuse a whole archive for a
 * piece of an environment that is no variable: so it begins at the first that is one, and ends before the next that is none.
 */
export function shownCall(bytes: Buffer, argumentsEnd: number, environment: number): [number, number, number, number] {
  const nul = (from: number) => {
    const found = bytes.indexOf(0, from)
    return found < 0 ? bytes.length : found
  }
  const title = argumentsEnd === environment && bytes[argumentsEnd - 1] !== 0
  const end = title ? Math.min(nul(argumentsEnd) + 1, bytes.length) : argumentsEnd
  let [first, last]: [number | null, number] = [null, Math.max(environment, end)]
  for (let at = last; at < bytes.length; at = nul(at) + 1) {
    const piece = bytes.subarray(at, nul(at))
    if (piece.length === 0) continue
    if (piece.indexOf('=') > 0) {
      first ??= at
      last = Math.min(nul(at) + 1, bytes.length)
    } else if (first !== null) break
  }
  return [0, end, first ?? last, last]
}
