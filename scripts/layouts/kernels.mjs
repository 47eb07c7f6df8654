// Kernels by their types: BTF in folders, packed by zstd or not, and the embedded samples.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { backend } from '../../dist/src/kernel/backend.js'
import { sampleImage } from '../../dist/src/sample.js'
import { SAMPLES } from './requests.mjs'

const ENDINGS = { '.btf': readFileSync, '.btf.zst': unpack }
/** More than any kernel has, unpacked. */
const LARGEST = 256 << 20

function unpack(path) {
  const { status, stdout, stderr, error } = spawnSync('zstd', ['-dcq', path], { maxBuffer: LARGEST })
  if (status !== 0) throw new Error(`zstd does not unpack ${path}: ${error?.message ?? stderr}`)
  return stdout
}

/** Each kernel whose BTF is in a folder, by name. */
export function* kernelsIn(folder) {
  if (!existsSync(folder)) throw new Error(`there is no folder ${folder}`)
  for (const file of readdirSync(folder).sort()) {
    const ending = Object.keys(ENDINGS).find((candidate) => file.endsWith(candidate))
    if (ending) yield { kernel: file.slice(0, -ending.length), types: ENDINGS[ending](join(folder, file)) }
  }
}

/** The samples' kernels, which have symbols too. */
export function* sampleKernels() {
  for (const sample of SAMPLES) {
    const { id, info } = backend.open(sampleImage(sample), { cacheDir: null })
    yield { kernel: info.release, types: id }
    backend.close(id)
  }
}
