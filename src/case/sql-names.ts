/** Which tables a SELECT reads, by the tree that DuckDB's own parser makes of it. */

import type { Database } from './duckdb.js'
import { literal } from './sql-types.js'

interface Common {
  readonly key: string
  readonly value: unknown
}

/** Names of tables anywhere below a node; those of common table expressions that are in sight there are none. */
function* baseTables(node: unknown, common: ReadonlySet<string>): Generator<string> {
  if (typeof node !== 'object' || node === null) return
  const { type, schema_name, table_name, cte_map, cte_name, ...inner } = node as Readonly<Record<string, unknown>>
  if (type === 'BASE_TABLE' && typeof table_name === 'string') {
    if ((schema_name ?? '') !== '' || !common.has(table_name.toLowerCase())) yield table_name
  }
  const inSight = new Set(common)
  // Within itself its name is itself only where it is recursive: else it may be a table's.
  if (type === 'RECURSIVE_CTE_NODE') inSight.add(String(cte_name).toLowerCase())
  for (const { key, value } of (cte_map as { map?: readonly Common[] } | undefined)?.map ?? []) {
    yield* baseTables(value, inSight)
    inSight.add(key.toLowerCase())
  }
  for (const child of Object.values(inner)) yield* baseTables(child, inSight)
}

/** Tables by the names that a SELECT has for them; none where it is no SELECT. */
export async function readTablesOf(database: Database, sql: string): Promise<ReadonlySet<string>> {
  const [row] = await database.rows(`SELECT json_serialize_sql(${literal(sql)}) AS tree`)
  return new Set(baseTables(JSON.parse(String(row?.tree)), new Set()))
}
