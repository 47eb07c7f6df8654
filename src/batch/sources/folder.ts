import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { NamedImage, SourceKind } from './source.js'

/** What lies beside images and is none by its name: hashes, logs, notes, and what a copy has not finished. */
const ASIDE =
  /\.(?:json|ya?ml|txt|md|log|csv|ndjson|jsonl|parquet|sha\d+|md5|asc|sig|part|tmp|filepart|crdownload|duckdb|wal)$/i

/** Whether a file is called like none that holds memory. */
export function isAside(name: string): boolean {
  return ASIDE.test(name)
}

/** The images in a folder, and in those below it as deep as told. */
export function filesBelow(folder: string, depth = Number.POSITIVE_INFINITY): NamedImage[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((left, right) => (left.name < right.name ? -1 : 1))
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.name.startsWith('.')) return []
    if (entry.isDirectory()) return depth > 1 ? filesBelow(path, depth - 1) : []
    return isFile(path) && !isAside(entry.name) ? { path } : []
  })
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

/** Every file below a folder, in the order of their names; links to folders are not followed. */
export const folderSource: SourceKind = {
  fits: (word, directory) => statSync(resolve(directory, word), { throwIfNoEntry: false })?.isDirectory() === true,
  images: async (word, directory) => filesBelow(resolve(directory, word)),
}
