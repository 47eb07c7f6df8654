/** The same memory gives the same tables, byte for byte, in every format that it can be written in here. */

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { create } from 'tar'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { splitDump, withMemory } from './formats.js'
import {
  type Write,
  writeCrashDump,
  writeKcore,
  writeLibvirt,
  writeLibvirtGzip,
  writeLibvirtSparse,
  writeMappedRam,
  writeQemu,
  writeVirtualBox,
  writeVmware,
  writeVmwareSnapshot,
  writeXen,
} from './hypervisors.js'
import { samples, sharedImages, table } from './images.js'

/** What salvor calls the format, how a file of it is called, and what writes it. */
type Way = [string, string, Write]

const FORMATS: Way[] = [
  ['qemu', 'guest.stream', writeQemu],
  ['qemu', 'guest.mapped', writeMappedRam],
  ['qemu', 'guest.save', writeLibvirt],
  ['qemu', 'guest.save-gz', writeLibvirtGzip],
  ['qemu', 'guest.save-sparse', writeLibvirtSparse],
  ['vmware', 'guest.vmem', writeVmware],
  ['vmware', 'guest.vmsn', writeVmwareSnapshot],
  ['elf', 'guest.xen-core', writeXen],
  ['elf', 'guest.vbox-core', writeVirtualBox],
  ['elf', 'kcore', writeKcore],
  ['crash-dump', 'memory.dmp', writeCrashDump],
]
/** A whole image takes long to be written in others, and tells nothing more. */
const OF_WHOLE_IMAGES = ['guest.stream', 'guest.mapped', 'guest.vmem']
const TABLES = ['processes', 'containers', 'memory-maps']

/** What packs a file, by the ending that it then has; a tool that is not there is told. */
const PACKED: [string, (from: string, to: string) => string | undefined][] = [
  ['gz', (from, to) => void writeFileSync(to, gzipSync(readFileSync(from), { level: 1 }))],
  ['tar.gz', (from, to) => void create({ file: to, cwd: dirname(from), gzip: true, sync: true }, ['memory.lime'])],
  ['xz', (from, to) => by('xz', ['-0', '-T1', '-k', '-c'], from, to)],
  ['zst', (from, to) => by('zstd', ['-q', '-1', '-c'], from, to)],
  ['lz4', (from, to) => by('lz4', ['-q', '-c'], from, to)],
]

function by(tool: string, args: string[], from: string, to: string): string | undefined {
  const { error, stdout } = spawnSync(tool, [...args, from], { maxBuffer: 1 << 30 })
  if (error !== undefined) return `${tool} is not installed`
  writeFileSync(to, stdout)
  return undefined
}

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
