/** Stretches of physical memory, ascending and disjoint. Addresses have at most 52 bits, and are exact as numbers. */

/** From the first byte to the one behind the last. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

/** Ascending stretches, of which one that begins in another is cut: what comes first counts. */
export function disjoint<T extends Stretch>(stretches: readonly T[]): T[] {
  const sorted = [...stretches].sort((left, right) => left.start - right.start)
  const kept: T[] = []
  let behind = 0
  for (const stretch of sorted) {
    const start = Math.max(stretch.start, behind)
    if (start >= stretch.end) continue
    kept.push(start === stretch.start ? stretch : { ...stretch, start })
    behind = stretch.end
  }
  return kept
}

/** Both, where of `lower` only counts what no part of `upper` covers. */
export function covered<T extends Stretch>(upper: readonly T[], lower: readonly T[]): T[] {
  const merged: T[] = []
  let next = 0
  const before = (end: number) => {
    for (; next < upper.length && (upper[next]?.start ?? end) < end; next++) merged.push(upper[next] as T)
  }
  for (const stretch of lower) {
    before(stretch.start)
    let start = Math.max(stretch.start, merged.at(-1)?.end ?? 0)
    while (start < stretch.end) {
      const above = upper[next]
      const end = Math.min(stretch.end, above?.start ?? stretch.end)
      if (start < end) merged.push({ ...stretch, start, end })
      if (above === undefined || above.start >= stretch.end) break
      merged.push(above)
      next++
      start = Math.max(end, above.end)
    }
  }
  before(Number.POSITIVE_INFINITY)
  return merged
}

/** Whether any of some ascending addresses lies in a stretch. */
export function isAnyIn(addresses: readonly number[], start: number, end: number): boolean {
  let [low, high] = [0, addresses.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((addresses[middle] ?? 0) < start) low = middle + 1
    else high = middle
  }
  return (addresses[low] ?? end) < end
}

/** The stretch that an address is in. */
export function stretchAt<T extends Stretch>(stretches: readonly T[], address: number): T | null {
  let [low, high] = [0, stretches.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((stretches[middle]?.start ?? 0) <= address) low = middle + 1
    else high = middle
  }
  const found = stretches[low - 1]
  return found !== undefined && address < found.end ? found : null
}
