/** What was asked for and found nowhere, which says as much as the tables that it was looked for in. */

import type { Database } from './duckdb.js'
import type { Indicator } from './indicator.js'

/** So many are named; of a list of thousands most are found nowhere. */
const NAMED = 5

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** The words of a note, after `huntQuery` has looked; nothing where all was found. */
export async function unfoundLine(
  database: Database,
  tables: number,
  indicators: readonly Indicator[],
): Promise<string | undefined> {
  const hits = await database.rows('SELECT DISTINCT kind, indicator FROM hits')
  const found = new Set(hits.map(({ kind, indicator }) => `${kind}\n${indicator}`))
  const unfound = indicators.filter(({ kind, value }) => !found.has(`${kind}\n${value}`)).map(({ value }) => value)
  if (unfound.length === 0) return undefined
  const [row] = await database.rows('SELECT count(DISTINCT coalesce(sha256, id)) AS images FROM images')
  const more = unfound.length > NAMED ? ` and ${unfound.length - NAMED} more` : ''
  const where = `${counted(tables, 'table')} of ${counted(Number(row?.images), 'image')}`
  return `not found in ${where}: ${unfound.slice(0, NAMED).join(', ')}${more}`
}
