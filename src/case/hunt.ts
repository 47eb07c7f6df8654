/** One indicator over all images of a case: in every table, in the columns in which it can stand. */

import type { Column, Columns } from '../api/columns.js'
import type { Indicator, IndicatorKind } from './indicators.js'
import type { CaseTable } from './schema.js'
import { literal, quoted } from './sql-types.js'

/** How a value is looked for: whole, as a part of a longer one, or as a path or address with something behind it. */
type Test = (text: string, value: string) => string

const whole: Test = (text, value) => `lower(${text}) = lower(${literal(value)})`
const part: Test = (text, value) => `contains(lower(${text}), lower(${literal(value)}))`
/** `/tmp/x` and `/tmp/x (deleted)`. */
const path: Test = (text, value) =>
  `(${text} = ${literal(value)} OR starts_with(${text}, ${literal(`${value} (deleted)`)}))`
/** An address alone, with a port or a prefix length; nothing that only begins alike. */
const address: Test = (text, value) =>
  `(${text} = ${literal(value)} OR starts_with(${text}, ${literal(`${value}:`)}) OR starts_with(${text}, ${literal(`${value}/`)})
    OR starts_with(${text}, ${literal(`[${value}]`)}))`

interface Kind {
  readonly test: Test
  /** Which columns of text are looked at; all of them unless told otherwise. */
  readonly fits?: (name: string, column: Column) => boolean
}

const KINDS: Readonly<Record<IndicatorKind, Kind>> = {
  hash: { test: part },
  address: { test: address, fits: (_name, { meaning }) => meaning !== 'path' },
  path: { test: path },
  command: { test: part },
  image: { test: whole, fits: (name) => /image/.test(name) },
  token: { test: part },
  text: { test: part },
}

/** The expressions of a table in which text can be found, each with its column's name. */
function textsOf(
  columns: Columns,
  { fits = () => true }: Kind,
): { name: string; of: (test: (text: string) => string) => string }[] {
  return Object.entries(columns).flatMap(([name, column]) => {
    if (!fits(name, column)) return []
    const as = quoted(name)
    switch (column.type) {
      case 'text':
        return { name, of: (test) => test(as) }
      case 'list':
        // Arguments of a command are its words, and together the command.
        return {
          name,
          of: (test) =>
            `(len(list_filter(${as}, item -> ${test('item')})) > 0 OR ${test(`array_to_string(${as}, ' ')`)})`,
        }
      case 'record':
        return { name, of: (test) => test(`${as}::VARCHAR`) }
      default:
        return []
    }
  })
}

function column(columns: Columns, meaning: string, type: string): string {
  const found = Object.entries(columns).find(([, { meaning: has }]) => has === meaning)
  return found === undefined ? `NULL::${type}` : `${quoted(found[0])}::${type}`
}

/** What a table gives to one indicator; undefined where it has no column for it. */
function huntTable(table: string, { columns }: CaseTable, { kind, value }: Indicator): string[] {
  const how = KINDS[kind]
  return textsOf(columns, how).map(({ name, of }) => {
    const facts = [
      literal(kind),
      literal(value),
      'image_id',
      literal(table),
      'image_row',
      literal(name),
      `${quoted(name)}::VARCHAR`,
      column(columns, 'pid', 'HUGEINT'),
      column(columns, 'container', 'VARCHAR'),
    ]
    return `SELECT ${facts.join(', ')} FROM ${quoted(table)} WHERE ${of((text) => how.test(text, value))}`
  })
}

/** A query for all indicators, those that few hosts have first. Undefined where no table could hold any. */
export function huntQuery(
  tables: ReadonlyMap<string, CaseTable>,
  indicators: readonly Indicator[],
): string | undefined {
  const parts = indicators.flatMap((indicator) =>
    [...tables].flatMap(([name, table]) => huntTable(name, table, indicator)),
  )
  if (parts.length === 0) return undefined
  return `
WITH hits(kind, indicator, image_id, table_name, image_row, column_name, value, pid, container) AS (
${parts.join('\nUNION ALL ')}
),
seen AS (SELECT kind, indicator, count(DISTINCT image_id) AS images FROM hits GROUP BY ALL)
SELECT indicator, kind, images, hostname, table_name AS "table", column_name AS "column", value, pid, container, image_id, image_row
FROM hits JOIN seen USING (kind, indicator) JOIN images AS image ON image.id = image_id
ORDER BY images, indicator, hostname, image_id, table_name, column_name, image_row`
}
