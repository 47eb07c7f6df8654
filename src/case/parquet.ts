/** The tables of a case as Parquet, one file for each. */

import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../make-folder.js'
import { literal, parquetColumns, quoted } from './sql-types.js'
import type { CaseStore } from './store.js'

/** Writes each table anew, in the order of images and rows; a file is replaced whole. */
export async function writeParquet(store: CaseStore): Promise<void> {
  const folder = join(store.folder, 'parquet')
  makeFolder(folder)
  for (const [table, { columns }] of await store.tables()) {
    const path = join(folder, `${table}.parquet`)
    const rows = `SELECT ${parquetColumns(columns)} FROM ${quoted(table)} ORDER BY image_id, image_row`
    try {
      await store.database.run(`COPY (${rows}) TO ${literal(`${path}.part`)} (FORMAT parquet, COMPRESSION zstd)`)
      renameSync(`${path}.part`, path)
    } finally {
      rmSync(`${path}.part`, { force: true })
    }
  }
}
