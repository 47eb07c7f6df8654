function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(change, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
    previous = row
  }
  return previous[b.length] ?? 0
}

/** Changes that a mistyped word may be away from the meant one: any two short words are only a few apart. */
function mostChanges(word: string): number {
  if (word.length < 4) return word.length > 1 ? 1 : 0
  return Math.max(2, Math.floor(word.length / 3))
}

/** The candidate nearest to a mistyped word, if any is near enough to be meant. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const limit = mostChanges(word)
  let best: { candidate: string; changes: number } | undefined
  for (const candidate of candidates) {
    const begins = candidate.startsWith(word)
    if (!begins && Math.abs(candidate.length - word.length) > limit) continue
    const changes = begins ? 1 : distance(word.slice(0, 64), candidate)
    if (changes <= limit && (best === undefined || changes < best.changes)) best = { candidate, changes }
  }
  return best?.candidate
}
