/** Cases that earlier versions made, by the tables that these had: opened, gone on with, asked and verified. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Database } from '../../dist/src/case/duckdb.js'
import { quoted } from '../../dist/src/case/sql-types.js'
import { CaseStore, databasePath } from '../../dist/src/case/store.js'
import { makeImages } from '../batch/images.js'
import { startSalvor } from '../batch/run.js'
import { repository } from '../cli/run.js'

const OWN = ['images', 'sources', 'outputs', 'warnings', 'manifests', 'schema_columns']

let folder: string
const local = (name: string): string => join(folder, name)
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-older-'))
  // The second is no image, so that there is one that failed.
  makeImages(local('images'), 3)
})
afterAll(() => rmSync(folder, { recursive: true }))

const catalog = (name: string): string => readFileSync(join(repository, 'test/fixtures/cases', `${name}.sql`), 'utf8')

/** Makes the database of a case anew, with the tables of salvor's own as they were. */
async function turnBack(path: string, tables: string): Promise<void> {
  const old = local('old.duckdb')
  const database = await Database.open(old)
  await database.run(tables)
  await database.run(`ATTACH '${path}' AS now (READ_ONLY)`)
  const names = await database.rows("SELECT table_name FROM duckdb_tables() WHERE database_name = 'now'")
  for (const name of names.map(({ table_name }) => String(table_name))) {
    const from = `now.main.${quoted(name)}`
    if (!OWN.includes(name)) {
      await database.run(`CREATE TABLE ${quoted(name)} AS FROM ${from}`)
      continue
    }
    const columns = await database.rows(
      `SELECT column_name FROM duckdb_columns() WHERE database_name = 'old' AND table_name = '${name}' ORDER BY column_index`,
    )
    const list = columns.map(({ column_name }) => quoted(String(column_name))).join(', ')
    await database.run(`INSERT INTO ${quoted(name)} (${list}) SELECT ${list} FROM ${from}`)
  }
  await database.run('DETACH now')
  database.close()
  rmSync(path)
  const copied = await Database.open(path)
  await copied.run(`ATTACH '${old}' AS old (READ_ONLY)`)
  await copied.run('COPY FROM DATABASE old TO "case"')
  copied.close()
  rmSync(old)
}

async function nullable(path: string): Promise<Record<string, unknown>[]> {
  const database = await Database.open(path, { readOnly: true })
  const rows = await database.rows(
    `SELECT table_name, column_name, is_nullable FROM duckdb_columns()
     WHERE (table_name, column_name) IN (('images', 'sha256'), ('sources', 'etag')) ORDER BY 1`,
  )
  database.close()
  return [...rows]
}

function lines(stderr: string): string[] {
  return stderr.split('\n').flatMap((line) => {
    const { msg, state, known } = line.startsWith('{') ? JSON.parse(line) : { msg: '' }
    return msg === 'image' ? [`${state}${known ? ' before' : ''}`] : []
  })
}

describe.each([
  ['before-buckets', [{ table_name: 'images', column_name: 'sha256', is_nullable: false }]],
  [
    'before-parts',
    [
      { table_name: 'images', column_name: 'sha256', is_nullable: false },
      { table_name: 'sources', column_name: 'etag', is_nullable: true },
    ],
  ],
])('a case from %s', (name, then) => {
  const run = (...args: string[]) => startSalvor([...args, '--cache-dir', local('cache')]).ended
  const batch = (...sources: string[]) =>
    run('batch', 'processes', ...sources, '--case', local(name), '--workers', '1', '--threads', '1')
  const image = (number: number): string => local(`images/host-00${number}.lime`)

  beforeAll(async () => {
    const made = await batch(image(0), image(1))
    expect([made.code, ...lines(made.stderr)], made.stderr).toEqual([3, 'complete', 'failed'])
    await turnBack(databasePath(local(name)), catalog(name))
    expect(await nullable(databasePath(local(name)))).toEqual(then)
  }, 60_000)

  test('is read as it is', async () => {
    const rows = await run('sql', local(name), 'SELECT count(*) AS n FROM processes', '--format', 'csv')
    expect([rows.code, Number(rows.stdout.split('\n')[1]) > 5], rows.stderr).toEqual([0, true])
    const verified = await startSalvor(['verify', local(name)]).ended
    expect([verified.code, /, 0 not/.test(verified.stderr)], verified.stdout + verified.stderr).toEqual([0, true])
    expect((await startSalvor(['case', local(name)]).ended).code).toBe(0)
    expect((await run('hunt', local(name), '/sbin/init')).code).toBe(0)
    expect(await nullable(databasePath(local(name)))).toEqual(then)
  }, 60_000)

  test('is gone on with: what is in it is not done again, and verified with what came after', async () => {
    const again = await batch(image(0), image(1), image(2))
    const expected = ['complete', 'complete before', 'failed before']
    expect([again.code, ...lines(again.stderr).sort()], again.stderr).toEqual([3, ...expected])
    const both = await run(
      ...[
        'sql',
        local(name),
        'SELECT image_id, count(*) AS n FROM processes GROUP BY ALL ORDER BY ALL',
        '--format',
        'csv',
      ],
    )
    expect([both.code, both.stdout.trim().split('\n').length], both.stderr).toEqual([0, 3])
    const verified = await startSalvor(['verify', local(name)]).ended
    expect([verified.code, /, 0 not/.test(verified.stderr)], verified.stdout + verified.stderr).toEqual([0, true])
  }, 60_000)

  test('takes what nobody has hashed, which its tables had no place for', async () => {
    const store = await CaseStore.write(local(name))
    const file = { path: 's3://bucket/a', bytes: 5, sha256: null, modified: '2026-11-30T00:00:00.000000Z', etag: '"e"' }
    const record = {
      job: 'f'.repeat(64),
      files: [file],
      sha256: null,
      tool: { name: 'salvor', version: '0' } as const,
      settings: {},
      kernel: null,
      state: 'failed' as const,
      exit_code: 3,
      error: 'no image',
      tables: [],
      warnings: [],
      started: file.modified,
      ended: file.modified,
    }
    await store.add({ path: file.path, bytes: 5, modified: 1n, etag: '"e"', settings: 's' }, record, [])
    const rows = await store.database.rows(
      'SELECT sha256, etag FROM images JOIN sources ON image = id WHERE etag = $1',
      [file.etag],
    )
    store.close()
    expect(rows).toEqual([{ sha256: null, etag: '"e"' }])
    const written = await nullable(databasePath(local(name)))
    expect(written.map(({ is_nullable }) => is_nullable)).toEqual([true, true])
  })
})
