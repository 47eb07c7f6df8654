/** Places in memory as text. */

import type { Place } from './kernel.js'

/** `nf_hook_slow`, or `nf_hook_slow+0x1a`; null where there is no symbol. The module is for another column. */
export function placeText(place: Place | null): string | null {
  if (place === null || place.symbol === null) return null
  return place.offset === 0 || place.offset === null ? place.symbol : `${place.symbol}+0x${place.offset.toString(16)}`
}
