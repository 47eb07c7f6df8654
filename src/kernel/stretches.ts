/** Stretches of a file or of memory, each with what there is of it. */

/** Joins each stretch to the one before it where both are of one state; they come in order and without a gap. */
export function* joined<T extends { readonly length: number; readonly state: unknown }>(
  stretches: Iterable<T>,
): Generator<T> {
  let last = null as T | null
  for (const stretch of stretches) {
    if (last !== null && last.state === stretch.state) {
      last = { ...last, length: last.length + stretch.length }
      continue
    }
    if (last !== null) yield last
    last = stretch
  }
  if (last !== null) yield last
}
