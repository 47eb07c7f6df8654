/** What several copies of one thing agree on. */

/** Null where nothing is said, and where as many say something else. */
export function mostSaid<T>(values: readonly (T | null | undefined)[]): T | null {
  const counts = new Map<T, number>()
  for (const value of values) if (value != null) counts.set(value, (counts.get(value) ?? 0) + 1)
  const [first, second] = [...counts].sort(([, left], [, right]) => right - left)
  return first === undefined || first[1] === second?.[1] ? null : first[0]
}
