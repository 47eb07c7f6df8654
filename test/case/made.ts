/** A case made by hand, without images. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Columns, Value } from '../../dist/src/api/columns.js'
import type { ImageRecord } from '../../dist/src/case/manifest.js'
import { RowsFile } from '../../dist/src/case/rows-file.js'
import { CaseStore } from '../../dist/src/case/store.js'
import { sha256Of } from '../../dist/src/file-hash.js'

export interface MadeTable {
  readonly analyzer: string
  readonly columns: Columns
  readonly key?: readonly string[]
  readonly rows: readonly Readonly<Record<string, Value>>[]
}

/** Adds an image to the case in a folder, as a batch does. Answers what could not be kept. */
export async function addImage(
  folder: string,
  host: string,
  tables: readonly MadeTable[],
  file = join(folder, host),
  evidence = host,
) {
  mkdirSync(folder, { recursive: true })
  const warnings = []
  const made = []
  const records = []
  for (const { analyzer, columns, key = [], rows } of tables) {
    const path = join(folder, `${host}-${analyzer}.rows`)
    const written = new RowsFile(path, columns)
    const names = Object.keys(columns)
    written.write({
      length: rows.length,
      columns: Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name] ?? null)])),
    })
    const closed = written.close(analyzer)
    warnings.push(...closed.warnings)
    made.push({ analyzer, columns, key, file: path })
    records.push({ table: analyzer, columns: names, rows: rows.length, sha256: closed.sha256 })
  }
  writeFileSync(file, host)
  const record: ImageRecord = {
    job: Buffer.from(host).toString('hex').padEnd(64, '0'),
    files: [{ path: file, bytes: host.length, sha256: '0'.repeat(64), modified: '2026-11-30T00:00:00.000000Z' }],
    sha256: sha256Of(evidence),
    tool: { name: 'salvor', version: '0' },
    settings: {},
    kernel: {
      format: 'raw',
      architecture: 'x86_64',
      release: '6.1',
      banner: 'Linux',
      build_id: null,
      hostname: host,
      boot_time: '2026-11-30T00:00:00.000000Z',
    },
    state: 'complete',
    exit_code: 0,
    error: null,
    tables: records,
    warnings: [],
    started: '2026-11-30T00:00:00.000000Z',
    ended: '2026-11-30T00:00:01.000000Z',
  }
  const store = await CaseStore.write(folder)
  try {
    await store.add({ path: file, bytes: host.length, modified: 1n, settings: 's' }, record, made)
  } finally {
    store.close()
  }
  return warnings
}
