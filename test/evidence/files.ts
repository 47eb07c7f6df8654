/** Evidence for tests: files, and what is read of them. */

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OpenFile } from '../../dist/src/engine/evidence-file.js'
import { type Origin, readEvidence } from '../../dist/src/evidence/read.js'
import type { EvidenceRecord } from '../../dist/src/evidence/records.js'
import type { Warning } from '../../dist/src/warning.js'

/** A file of test/fixtures/evidence. */
export function evidenceFile(name: string): string {
  return fileURLToPath(new URL(`../fixtures/evidence/${name}`, import.meta.url))
}

const folder = mkdtempSync(join(tmpdir(), 'salvor-evidence-'))
let count = 0

/** A file with this content, under a name that says nothing. */
export function written(content: string | Uint8Array): string {
  const path = join(folder, `file-${count++}`)
  writeFileSync(path, content)
  return path
}

/** All that a file says. */
export async function readAll(path: string) {
  const [records, warnings]: [EvidenceRecord[], Warning[]] = [[], []]
  let source: string | null = null
  const file = new OpenFile(path)
  const begin = (origin: Origin) => {
    source = origin.source
  }
  for await (const record of readEvidence(file, begin, (warning) => warnings.push(warning))) records.push(record)
  file.close()
  return { source, records, warnings }
}

/** A tar archive (POSIX.1-1988) of these members. */
export function tar(members: Record<string, string | Uint8Array>): Buffer {
  const blocks = Object.entries(members).flatMap(([name, content]) => {
    const header = Buffer.alloc(512)
    const body = Buffer.from(content)
    header.write(name, 0)
    header.write(body.length.toString(8).padStart(11, '0'), 124)
    header.write('ustar\x0000', 257)
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}
