/** The same memory as hypervisors save it gives the same tables. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withMemory } from './formats.js'
import {
  type Write,
  writeCrashDump,
  writeKcore,
  writeLibvirt,
  writeQemu,
  writeVmware,
  writeXen,
} from './hypervisors.js'
import { samples, sharedImages, table } from './images.js'

/** By what salvor calls the format, and how its files are called. */
const FORMATS: [string, string, Write][] = [
  ['qemu', 'guest.stream', writeQemu],
  ['qemu', 'guest.save', writeLibvirt],
  ['vmware', 'guest.vmem', writeVmware],
  ['elf', 'guest.xen-core', writeXen],
  ['elf', 'kcore', writeKcore],
  ['crash-dump', 'memory.dmp', writeCrashDump],
]

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-hypervisors-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const [sample] = samples()
const [shared] = sharedImages()
/** What a whole image takes long to be written in, and tells nothing more. */
const SMALL = ['guest.save', 'guest.xen-core', 'kcore', 'memory.dmp']

for (const image of [sample, shared].flatMap((image) => image ?? [])) {
  describe(image.title, () => {
    image.require()

    it.each(FORMATS.filter(([, name]) => image === sample || !SMALL.includes(name)))(
      'as %s in %s',
      (format, name, write) => {
        const taken = image.as(image.formats[0] ?? 'lime')
        const path = join(folder, name)
        withMemory(taken, (memory) => write(path, memory))
        expect(table('info', path).rows).toMatchObject([{ format }])
        for (const analyzer of ['processes', 'containers']) {
          const { rows } = table(analyzer, taken)
          expect(rows.length).toBeGreaterThan(5)
          expect(table(analyzer, path).rows, analyzer).toEqual(rows)
        }
      },
      180_000,
    )
  })
}
