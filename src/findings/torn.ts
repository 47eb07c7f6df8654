/** How far a list can be trusted of an image that was taken while the host ran. */

import type { Finding } from '../api/rule.js'

interface Info {
  readonly rows: readonly { readonly torn: boolean | null; readonly taken?: string | null }[]
}

/** Longer than taking an image of memory takes, in milliseconds: what is as old was on its lists all the while. */
const SETTLED = 600_000
/** The same where no two links contradict each other: a copy that took long would show. */
const SETTLED_UNSEEN = 60_000

/**
 * What lowers a finding that rests on what a list lacks: where links contradict each other, a list may lack what was
 * never hidden. Empty where the image is of one moment.
 */
export function lessIfTorn({ rows }: Info): Pick<Finding, 'severity' | 'confidence'> {
  return rows[0]?.torn === false ? {} : { severity: 'low', confidence: 'low' }
}

/**
 * The same, of what is known to have been there `since` a moment, as `isYoung` tells: on torn memory what is old is a lead,
 * and what is young may have come or gone meanwhile; where nothing contradicts, what is young may still have.
 */
export function lessIfYoung(info: Info, since: string | null | undefined): Pick<Finding, 'severity' | 'confidence'> {
  const isTorn = info.rows[0]?.torn !== false
  if (!isTorn && !isYoung(info, since)) return {}
  return { severity: isTorn && isYoung(info, since) ? 'low' : 'medium', confidence: 'low' }
}

/**
 * Whether something may have come while memory was taken. Of what nobody knows the age it is taken to be young only where
 * memory is known to be torn.
 */
export function isYoung({ rows }: Info, since: string | null | undefined): boolean {
  const [image] = rows
  const isTorn = image?.torn !== false
  const age = Date.parse(image?.taken ?? '') - Date.parse(since ?? '')
  return Number.isNaN(age) ? isTorn : age < (isTorn ? SETTLED : SETTLED_UNSEEN)
}
