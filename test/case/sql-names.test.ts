import { afterAll, beforeAll, expect, test } from 'vitest'
import { Database } from '../../dist/src/case/duckdb.js'
import { readTablesOf } from '../../dist/src/case/sql-names.js'

let database: Database
beforeAll(async () => {
  database = await Database.open()
})
afterAll(() => database.close())

async function namesOf(sql: string): Promise<string[]> {
  return [...(await readTablesOf(database, sql))].sort()
}

test('tables are named wherever they stand, and as they are written', async () => {
  expect(await namesOf("SELECT * FROM a JOIN B USING (x) WHERE y IN (SELECT y FROM c WHERE 'FROM d' <> z)")).toEqual([
    'B',
    'a',
    'c',
  ])
  expect(await namesOf('SELECT 1 UNION ALL SELECT (SELECT count(*) FROM "odd ""name")')).toEqual(['odd "name'])
  expect(await namesOf('this is no SQL')).toEqual([])
})

test('a common table expression is no table, but within itself and where a schema is named', async () => {
  expect(await namesOf('WITH x AS (SELECT * FROM a), y AS (SELECT * FROM X) SELECT * FROM y, b')).toEqual(['a', 'b'])
  expect(await namesOf('WITH a AS (SELECT * FROM a) SELECT * FROM a')).toEqual(['a'])
  expect(await namesOf('WITH x AS (SELECT 1) SELECT * FROM main.x')).toEqual(['x'])
  expect(await namesOf('SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) AS inside, x')).toEqual(['x'])
  const recursive = 'WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n JOIN p ON i = pid) FROM n'
  expect(await namesOf(recursive)).toEqual(['p'])
})
