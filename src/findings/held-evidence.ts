/** What rules over the table of evidence share. */

import { field } from '../containers/json.js'
import type { EvidenceRecord } from '../evidence/records.js'

interface Joined {
  readonly kind: string | null
  readonly detail: unknown
}

interface JoinedTable<R extends Joined> {
  where(column: 'kind', value: string): readonly R[]
}

/** Why a rule cannot be evaluated: no file has a record of these kinds, which are about `what`. */
export function lacksRecords<R extends Joined>(
  evidence: JoinedTable<R>,
  kinds: readonly EvidenceRecord['kind'][],
  what: string,
): string | null {
  const held = evidence.where('kind', 'file').some(({ detail }) => {
    return kinds.some((kind) => field(detail, 'records', kind) !== undefined)
  })
  return held ? null : `no --evidence says anything of ${what}`
}

/** A text in what a row of evidence says beside. */
export function detailText({ detail }: Joined, name: string): string | null {
  const value = field(detail, name)
  return typeof value === 'string' ? value : null
}

/** A number there. */
export function detailNumber({ detail }: Joined, name: string): number | null {
  const value = field(detail, name)
  return typeof value === 'number' ? value : null
}

/** A list of texts there. */
export function detailTexts({ detail }: Joined, name: string): readonly string[] {
  const value = field(detail, name)
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
}
