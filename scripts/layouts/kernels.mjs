// Kernels by their types: BTF in folders, packed by zstd or gzip or not.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** More than any kernel has, unpacked. */
const LARGEST = 256 << 20
const ENDINGS = {
  '.btf': readFileSync,
  '.btf.gz': (path) => gunzipSync(readFileSync(path), { maxOutputLength: LARGEST }),
  '.btf.zst': unpack,
}

function unpack(path) {
  const { status, stdout, stderr, error } = spawnSync('zstd', ['-dcq', path], { maxBuffer: LARGEST })
  if (status !== 0) throw new Error(`zstd does not unpack ${path}: ${error?.message ?? stderr}`)
  return stdout
}

/** Each kernel whose BTF is in a folder, by name; a folder without any is a mistake. */
export function* kernelsIn(folder) {
  const files = existsSync(folder) ? readdirSync(folder).sort() : []
  const endingOf = (file) => Object.keys(ENDINGS).find((ending) => file.endsWith(ending))
  if (!files.some(endingOf)) throw new Error(`there is no BTF in ${folder}: no .btf, .btf.gz or .btf.zst`)
  for (const file of files) {
    const ending = endingOf(file)
    if (ending) yield { kernel: file.slice(0, -ending.length), types: ENDINGS[ending](join(folder, file)) }
  }
}
