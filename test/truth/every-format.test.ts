/** The same memory gives the same tables, byte for byte, in every format that it can be written in here. */

import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { splitDump, withMemory } from './formats.js'
import { samples, sharedImages, table } from './images.js'
import { FORMATS, PACKED } from './ways.js'

/** A whole image takes long to be written in others, and tells nothing more. */
const OF_WHOLE_IMAGES = ['guest.stream', 'guest.mapped', 'guest.vmem']
const TABLES = ['processes', 'containers', 'memory-maps']

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-formats-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const [sample] = samples()
const [shared] = sharedImages()

for (const image of [sample, shared].flatMap((image) => image ?? [])) {
  const known = new Map<string, string>()
  const rowsOf = (analyzer: string, path: string) => JSON.stringify(table(analyzer, path).rows)
  /** Tables of the memory as it was taken, which are made once. */
  const expected = (analyzer: string): string => {
    const rows = known.get(analyzer) ?? rowsOf(analyzer, image.as(image.formats[0] ?? 'lime'))
    known.set(analyzer, rows)
    return rows
  }
  const same = (path: string, format: string): void => {
    expect(table('info', path).rows).toMatchObject([{ format }])
    for (const analyzer of TABLES) {
      expect(JSON.parse(expected(analyzer)).length).toBeGreaterThan(5)
      expect(rowsOf(analyzer, path), analyzer).toBe(expected(analyzer))
    }
  }

  describe(image.title, () => {
    image.require()

    it.each(image.formats)('as %s', (format) => same(image.as(format), format), 180_000)

    it.each(FORMATS.filter(([, name]) => image === sample || OF_WHOLE_IMAGES.includes(name)))(
      'as %s in %s',
      (format, name, write) => {
        const path = join(folder, name)
        withMemory(image.as(image.formats[0] ?? 'lime'), (memory) => write(path, memory))
        same(path, format)
      },
      180_000,
    )

    it('as a dump in three parts', () => {
      const claims = [0, 100_000, 196_500, 1 << 20]
      const parts = [0, 1, 2].map((part) => ({
        to: join(folder, `part-${part}`),
        claim: [claims[part] ?? 0, claims[part + 1] ?? 0] as const,
      }))
      splitDump(image.as(image.formats[0] ?? 'lime'), parts)
      same(join(folder, 'part-1'), 'kdump')
    }, 180_000)

    it.for(image === sample ? PACKED : [])('packed as %s', { timeout: 180_000 }, ([ending, pack], { skip }) => {
      const plain = join(folder, 'memory.lime')
      copyFileSync(image.as('lime'), plain)
      const missing = pack(plain, `${plain}.${ending}`)
      skip(missing !== undefined, missing)
      same(`${plain}.${ending}`, 'lime')
    })
  })
}
