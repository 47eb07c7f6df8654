/** The manifests of a case as files: what its database has, for whoever keeps the chain elsewhere. */

import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../make-folder.js'
import type { Database } from './duckdb.js'

export function manifestFolder(folder: string): string {
  return join(folder, 'manifests')
}

export function manifestName(sequence: number, id: string): string {
  return `${String(sequence).padStart(6, '0')}-${id}.json`
}

/** Writes those that are not there. One that is there is never written again. */
export async function writeManifests(database: Database, folder: string): Promise<void> {
  const below = manifestFolder(folder)
  const there = existsSync(below) ? readdirSync(below).filter((name) => name.endsWith('.json')).length : 0
  const rows = await database.rows(
    'SELECT sequence, image_id, manifest FROM manifests WHERE sequence > $1 ORDER BY sequence',
    [there],
  )
  if (rows.length > 0) makeFolder(below)
  for (const { sequence, image_id, manifest } of rows) {
    const path = join(below, manifestName(Number(sequence), String(image_id)))
    if (!existsSync(path)) writeWhole(path, String(manifest))
  }
}

function writeWhole(path: string, text: string): void {
  const descriptor = openSync(`${path}.part`, 'w', 0o644)
  try {
    const bytes = Buffer.from(text)
    for (let offset = 0; offset < bytes.length; ) offset += writeSync(descriptor, bytes, offset)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(`${path}.part`, path)
}
