/** Small images to make batches of: real ones, each another file, some of them damaged. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sampleImage } from '../../dist/src/sample.js'

/** Where the header of LiME's first range has bytes that mean nothing. */
const RESERVED = 24

/** Writes images of one sample; every fourth ends in the middle, and one is no image at all. Answers their names. */
export function makeImages(folder: string, count: number, sample = 'podman-debian11'): string[] {
  mkdirSync(folder, { recursive: true })
  const whole = readFileSync(sampleImage(sample))
  return Array.from({ length: count }, (_, index) => {
    const name = `host-${String(index).padStart(3, '0')}.lime`
    const image = Buffer.from(index % 4 === 3 ? whole.subarray(0, whole.length - (index + 1) * 4096) : whole)
    image.writeUInt32LE(index, RESERVED)
    writeFileSync(join(folder, name), index === 1 ? `no image ${'.'.repeat(64)}` : image)
    return name
  })
}
