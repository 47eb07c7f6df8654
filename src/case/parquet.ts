/** The tables of a case as Parquet, one file for each. */

import { renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { BucketSettings } from '../intake/s3/bucket.js'
import { makeFolder } from '../make-folder.js'
import { literal, parquetColumns, quoted } from './sql-types.js'
import type { CaseStore } from './store.js'

/** Writes each table anew, in the order of images and rows; a file is replaced whole. Answers the files. */
export async function writeParquet(store: CaseStore): Promise<readonly string[]> {
  const files: string[] = []
  const folder = join(store.folder, 'parquet')
  makeFolder(folder)
  for (const [table, { columns }] of await store.tables()) {
    const path = join(folder, `${table}.parquet`)
    const rows = `SELECT ${parquetColumns(columns)} FROM ${quoted(table)} ORDER BY image_id, image_row`
    try {
      await store.database.run(`COPY (${rows}) TO ${literal(`${path}.part`)} (FORMAT parquet, COMPRESSION zstd)`)
      renameSync(`${path}.part`, path)
      files.push(path)
    } finally {
      rmSync(`${path}.part`, { force: true })
    }
  }
  return files
}

/** Puts files below a prefix of a bucket; each is replaced whole. */
export async function putFiles(
  files: readonly string[],
  prefix: string,
  settings: BucketSettings,
  signal: AbortSignal,
): Promise<void> {
  const { Bucket } = await import('../intake/s3/bucket.js')
  const bucket = Bucket.open(settings, signal)
  try {
    for (const file of files) await bucket.put(`${prefix.replace(/\/*$/, '')}/${basename(file)}`, file)
  } finally {
    bucket.close()
  }
}
