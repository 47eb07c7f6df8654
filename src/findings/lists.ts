/** What the kernel's lists say of one another: what was taken off one, and what was only lost with it. */

interface Listed {
  readonly found_by: readonly string[] | null
}

/** A rootkit hides few; where a list lacks more it is cut, in an image of which pages are missing or torn. */
const MOST = 10

export interface Missing<R> {
  readonly row: R
  readonly views: readonly string[]
}

/**
 * Rows that lists do not have though they must, each with these lists. A list that knows nobody could not be read, and
 * one that lacks many is cut: neither says anything of a single row.
 */
export function missingFrom<R extends Listed>(rows: readonly R[], views: readonly string[]): Missing<R>[] {
  const lacks = (row: Listed, view: string) => row.found_by !== null && !row.found_by.includes(view)
  const whole = views.filter((view) => {
    const lacking = rows.filter((row) => lacks(row, view)).length
    return lacking <= MOST && rows.some(({ found_by }) => found_by?.includes(view))
  })
  return rows.flatMap((row) => {
    const missing = whole.filter((view) => lacks(row, view))
    return missing.length === 0 ? [] : [{ row, views: missing }]
  })
}
