/** Indicators over all images of a case: in every table, in the columns in which they can stand. */

import { BlockList, isIP } from 'node:net'
import type { Column, Columns } from '../api/columns.js'
import type { Database } from './duckdb.js'
import type { YaraHit } from './hunt-yara.js'
import { type Indicator, type IndicatorKind, networkOf } from './indicator.js'
import type { CaseTable } from './schema.js'
import { literal, quoted, valuesOf } from './sql-types.js'

/** An expression that is true of a text in which a needle, another expression, is found. */
type Test = (text: string, needle: string, column: string) => string

const whole: Test = (text, needle) => `lower(${text}) = ${needle}`
const part: Test = (text, needle) => `contains(lower(${text}), ${needle})`
/** `/tmp/x` and `/tmp/x (deleted)`. */
const path: Test = (text, needle) => `(${text} = ${needle} OR starts_with(${text}, ${needle} || ' (deleted)'))`
const directory: Test = (text, needle) => `(${text} = ${needle} OR starts_with(${text}, ${needle} || '/'))`
/** The kernel keeps so many bytes of a program's name. */
const COMM_BYTES = 15
/** The last name of a path, or a name alone. */
const file: Test = (text, needle, column) => {
  if (column === 'comm') return `${text} = left(${needle}, ${COMM_BYTES})`
  const last = `split_part(${text}, '/', -1)`
  return `(contains(${text}, ${needle}) AND (${last} = ${needle} OR ${last} = ${needle} || ' (deleted)'))`
}
/** An address alone, with a port or a prefix length; nothing that only begins alike. */
const address: Test = (text, needle) =>
  `(${text} = ${needle} OR starts_with(${text}, ${needle} || ':') OR starts_with(${text}, ${needle} || '/')
    OR starts_with(${text}, '[' || ${needle} || ']'))`
/** A domain and those below it, wherever it stands in a text; nothing that only ends alike or goes on. */
const domain: Test = (text, needle) =>
  `(contains(lower(${text}), ${needle})
    AND regexp_matches(lower(${text}), '(^|[^a-z0-9_-])' || regexp_escape(${needle}) || '\\.?($|[^a-z0-9._-])'))`

interface Kind {
  readonly test: Test
  /** How a value is looked for; as it is unless told otherwise. */
  readonly needle?: (value: string) => string
  /** Which columns are looked at; all of text unless told otherwise. */
  readonly fits?: (name: string, column: Column) => boolean
  /** It stands in columns of whole numbers. */
  readonly number?: true
}

const lower = (value: string): string => value.toLowerCase()
const isAddress = (_name: string, { meaning }: Column): boolean => meaning !== 'path'

const KINDS: Readonly<Record<Exclude<IndicatorKind, 'yara'>, Kind>> = {
  hash: { test: part, needle: lower },
  address: { test: address, fits: isAddress },
  // Its needles are the addresses of it that the case has.
  network: { test: (text, needle) => `${text} = ${needle}`, fits: isAddress },
  domain: { test: domain, needle: (value) => lower(value).replace(/\.$/, '') },
  url: { test: part, needle: lower },
  path: { test: path },
  directory: { test: directory, needle: (value) => value.replace(/(?<=.)\/+$/, '') },
  file: { test: file },
  command: { test: part, needle: lower },
  image: { test: whole, needle: lower, fits: (name) => /image/.test(name) },
  token: { test: part, needle: lower },
  mac: { test: whole, needle: (value) => lower(value).replaceAll('-', ':'), fits: (name) => name === 'mac' },
  user: {
    test: (number, needle) => `${number} = ${needle}::HUGEINT`,
    fits: (name) => /(?:^|_)(?:e|s|fs)?uid$/.test(name),
    number: true,
  },
  text: { test: part, needle: lower },
}

interface Place {
  readonly name: string
  readonly of: (test: (text: string) => string) => string
}

/** The expressions of a table in which a kind can be found, each with its column's name. */
function placesOf(columns: Columns, { fits, number }: Kind): Place[] {
  return Object.entries(columns).flatMap(([name, column]): Place[] => {
    if (fits?.(name, column) === false || (column.type === 'integer') !== (number === true)) return []
    const as = `t.${quoted(name)}`
    switch (column.type) {
      case 'integer':
      case 'text':
        return [{ name, of: (test) => test(as) }]
      case 'list':
        // Arguments of a command are its words, and together the command.
        return [
          {
            name,
            of: (test) =>
              `(len(list_filter(${as}, item -> ${test('item')})) > 0 OR ${test(`array_to_string(${as}, ' ')`)})`,
          },
        ]
      case 'record':
        return [{ name, of: (test) => test(`${as}::VARCHAR`) }]
      default:
        return []
    }
  })
}

function meant(columns: Columns, meaning: string, type: string): string {
  const found = Object.entries(columns).find(([, { meaning: has }]) => has === meaning)
  return found === undefined ? `NULL::${type}` : `t.${quoted(found[0])}::${type}`
}

/** What a table gives to all indicators of one kind: a query for each of its columns in which these can stand. */
function huntTable(table: string, { columns }: CaseTable, name: string, kind: Kind): string[] {
  return placesOf(columns, kind).map(({ name: column, of }) => {
    const facts = [
      'asked.kind',
      'asked.indicator',
      't.image_id',
      literal(table),
      't.image_row',
      literal(column),
      `t.${quoted(column)}::VARCHAR`,
      meant(columns, 'pid', 'HUGEINT'),
      meant(columns, 'container', 'VARCHAR'),
      'NULL::VARCHAR',
    ]
    const test = of((text) => kind.test(text, 'asked.needle', column))
    return `SELECT ${facts.join(', ')} FROM ${quoted(table)} AS t, asked WHERE asked.kind = ${literal(name)} AND ${test}`
  })
}

/** An address with what may stand around it: brackets, a port, a prefix length. */
const LIKE_ADDRESS = '^\\[?[0-9a-fA-F:.]*[:.][0-9a-fA-F:.]*\\]?(:[0-9]+)?(/[0-9]+)?$'

function addressOf(text: string): string {
  const [, inner = ''] = /^\[?([0-9a-f.:]*?)\]?(?:\/\d+)?$/i.exec(text) ?? []
  if (isIP(inner) !== 0) return inner
  return /^\[?(.*?)\]?:\d+$/.exec(text)?.[1] ?? ''
}

/** The texts in a case that are addresses of networks, by the network. */
async function addressesIn(
  database: Database,
  tables: ReadonlyMap<string, CaseTable>,
  networks: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const parts = [...tables].flatMap(([table, { columns }]) =>
    placesOf(columns, KINDS.network).flatMap(({ name }) => {
      const as = quoted(name)
      if (columns[name]?.type === 'text') return `SELECT ${as} AS text FROM ${quoted(table)}`
      return columns[name]?.type === 'list' ? `SELECT unnest(${as}) AS text FROM ${quoted(table)}` : []
    }),
  )
  if (networks.length === 0 || parts.length === 0) return new Map()
  const rows = await database.rows(
    `SELECT DISTINCT text FROM (${parts.join('\nUNION ALL ')}) WHERE regexp_matches(text, ${literal(LIKE_ADDRESS)})`,
  )
  const texts = rows.map(({ text }) => String(text))
  return new Map(
    networks.map((network) => {
      const { address: base = '', bits = 0 } = networkOf(network) ?? {}
      const family = isIP(base) === 6 ? 'ipv6' : 'ipv4'
      const list = new BlockList()
      list.addSubnet(base, bits, family)
      const isIn = (text: string): boolean => {
        const found = addressOf(text)
        return isIP(found) === isIP(base) && list.check(found, family)
      }
      return [network, texts.filter(isIn)]
    }),
  )
}

/** What is asked, each with what is looked for. */
async function askedRows(
  database: Database,
  tables: ReadonlyMap<string, CaseTable>,
  indicators: readonly Indicator[],
): Promise<string[]> {
  const networks = indicators.flatMap(({ kind, value }) => (kind === 'network' ? value : []))
  const addresses = await addressesIn(database, tables, networks)
  return indicators.flatMap(({ kind, value }) => {
    if (kind === 'yara') return []
    if (kind === 'network') return (addresses.get(value) ?? []).map((needle) => valuesOf(kind, value, needle))
    return valuesOf(kind, value, KINDS[kind].needle?.(value) ?? value)
  })
}

/** Rows of one statement. */
const AT_ONCE = 1000

async function insert(database: Database, table: string, rows: readonly string[]): Promise<void> {
  for (let at = 0; at < rows.length; at += AT_ONCE) {
    await database.run(`INSERT INTO ${table} VALUES ${rows.slice(at, at + AT_ONCE).join(', ')}`)
  }
}

/** Made in memory, beside a case that is not written. */
const TEMPORARY = `
CREATE OR REPLACE TEMP TABLE asked (kind VARCHAR, indicator VARCHAR, needle VARCHAR);
CREATE OR REPLACE TEMP TABLE hits (
  kind VARCHAR, indicator VARCHAR, image_id VARCHAR, table_name VARCHAR, image_row BIGINT, column_name VARCHAR,
  value VARCHAR, pid HUGEINT, container VARCHAR, place VARCHAR
)`

const HUNT = `
WITH seen AS (
  SELECT kind, indicator, count(DISTINCT coalesce(sha256, images.id)) AS images FROM hits JOIN images ON images.id = image_id GROUP BY ALL
)
SELECT indicator, kind, images, hostname, table_name AS "table", column_name AS "column", value, pid, container, place,
  image_id, image_row
FROM hits JOIN seen USING (kind, indicator) JOIN images AS image ON image.id = image_id
ORDER BY images, indicator, hostname, image_id, table_name, column_name, image_row, place`

/**
 * Looks for all indicators, table by table, and answers the query over what was found: what few hosts have comes first.
 * What YARA rules found in the images is told among it.
 */
export async function huntQuery(
  database: Database,
  tables: ReadonlyMap<string, CaseTable>,
  indicators: readonly Indicator[],
  hits: readonly YaraHit[] = [],
): Promise<string> {
  await database.run(TEMPORARY)
  await insert(database, 'asked', await askedRows(database, tables, indicators))
  const kinds = Object.entries(KINDS).filter(([name]) => indicators.some(({ kind }) => kind === name))
  for (const [table, declared] of tables) {
    const parts = kinds.flatMap(([name, kind]) => huntTable(table, declared, name, kind))
    if (parts.length > 0) await database.run(`INSERT INTO hits ${parts.join('\nUNION ALL ')}`)
  }
  const found = hits.map(({ rule, image, pattern, match, pid, container, place }) =>
    valuesOf('yara', rule, image, 'yara', null, pattern, match, pid, container, place),
  )
  await insert(database, 'hits', found)
  return HUNT
}
