import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { CaseStore } from '../case/store.js'
import { databasePath } from '../case/store.js'
import { printableJson } from '../output/escape.js'
import { AtomicFile } from '../output/sink.js'
import { Inputs } from '../output/target.js'

/** Writes a case's CASE/UCO document where --case-uco says. */
export async function writeCaseUco(store: CaseStore, name: string, directory: string, force: boolean): Promise<void> {
  const { caseUco } = await import('../case/case-uco.js')
  const text = printableJson(await caseUco(store)).replaceAll('\\u000a', '\n')
  const file = new AtomicFile(resolve(directory, name), { inputs: new Inputs([databasePath(store.folder)]), force })
  file.attempt(() => writeFileSync(file.temporary, text, { flag: 'wx', mode: 0o600 }))
  file.commit()
}
