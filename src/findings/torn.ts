/** How far a list can be trusted of an image that was taken while the host ran. */

import type { Finding } from '../api/rule.js'

interface Info {
  readonly rows: readonly { readonly torn: boolean | null }[]
}

/**
 * What lowers a finding that rests on what a list lacks: where links contradict each other, a list may lack what was
 * never hidden. Empty where the image is of one moment.
 */
export function lessIfTorn({ rows }: Info): Pick<Finding, 'severity' | 'confidence'> {
  return rows[0]?.torn === false ? {} : { severity: 'low', confidence: 'low' }
}
