/** The embedded samples: real images distilled to the pages that the analyzers read. */

import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { makeFolder } from './make-folder.js'

const ROOT = join(import.meta.dirname, '..', '..')

/**
 * Path of a sample, unpacked once into the `.salvor` folder of salvor's own, a checkout or an installed package. A package
 * brings along the first sample only.
 */
export function sampleImage(name = 'docker-debian12'): string {
  const packed = readFileSync(join(ROOT, 'test', 'samples', name, 'memory.lime.gz'))
  const hash = createHash('sha256').update(packed).digest('hex').slice(0, 16)
  const folder = join(ROOT, '.salvor')
  const path = join(folder, `${name}-${hash}.lime`)
  if (!existsSync(path)) {
    makeFolder(folder)
    const partial = `${path}.${process.pid}.part`
    writeFileSync(partial, gunzipSync(packed))
    renameSync(partial, path)
  }
  return path
}
