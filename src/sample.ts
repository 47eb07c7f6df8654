/** The embedded sample: a real image distilled to the pages that the analyzers read. */

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

const ROOT = join(import.meta.dirname, '..', '..')
const PACKED = join(ROOT, 'test', 'samples', 'docker-debian12', 'memory.lime.gz')

/** Path of the sample, unpacked once into the checkout's own `.salvor` folder. */
export function sampleImage(): string {
  const packed = readFileSync(PACKED)
  const hash = createHash('sha256').update(packed).digest('hex').slice(0, 16)
  const folder = join(ROOT, '.salvor')
  const path = join(folder, `docker-debian12-${hash}.lime`)
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true })
    const partial = `${path}.${process.pid}.part`
    writeFileSync(partial, gunzipSync(packed))
    renameSync(partial, path)
  }
  return path
}
