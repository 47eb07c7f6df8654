/** An image in another format holds the same memory, gives the same tables, and is whole or not there. */

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { sha256Of } from '../../dist/src/file-hash.js'
import { sampleImage } from '../../dist/src/sample.js'
import { cacheHome, SALVOR, samples, sharedImage } from '../truth/images.js'

const FORMATS = ['raw', 'lime', 'avml', 'elf'] as const
const TABLES = ['processes', 'containers', 'memory-maps']
const PARTIAL = 5

interface Manifest {
  source: { format: string; machine: string | null; files: { path: string; bytes: number; sha256: string }[] }
  target: { format: string; path: string; bytes: number; sha256: string }
  memory: {
    bytes: number
    ranges: { start: string; bytes: number }[]
    missing_bytes: number
    missing: { start: string; bytes: number; why: string }[]
    missing_as: string
  }
  warnings: string[]
}

function run(folder: string, command: string, args: string[]) {
  const env = { ...process.env, XDG_CACHE_HOME: cacheHome(), salvor: `${process.execPath} ${SALVOR}` }
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    env,
    maxBuffer: 1 << 30,
  })
  expect(stderr).not.toMatch(/\n\s+at |panicked/)
  return { status, stdout, lines: stderr.split('\n').filter((line) => line !== '') }
}

const salvor = (folder: string, ...args: string[]) => run(folder, process.execPath, [SALVOR, ...args])
const shell = (folder: string, line: string) => run(folder, 'sh', ['-c', line])

function converted(folder: string, from: string, to: string): Manifest {
  const { status, stdout, lines } = salvor(folder, 'convert', from, to)
  expect({ status, stdout, lines }).toMatchObject({ status: 0, stdout: '', lines: expect.anything() })
  return JSON.parse(readFileSync(join(folder, `${to}.manifest.json`), 'utf8'))
}

/** What a table is, whatever its image is called. */
function tableOf(folder: string, table: string, image: string): string {
  const { stdout } = salvor(folder, table, image, '-f', 'json', '-q')
  return stdout.replaceAll(JSON.stringify(image), '"image"')
}

function hashOf(path: string): string {
  return sha256Of(readFileSync(path))
}

describe('every format from every other', () => {
  const sample = sampleImage()
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'salvor-convert-'))
    for (const format of FORMATS) converted(folder, sample, `own.${format}`)
  }, 300_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(FORMATS)(
    'gives the same tables as %s',
    (format) => {
      for (const table of TABLES) {
        const expected = tableOf(folder, table, sample)
        expect(JSON.parse(expected).rows.length).toBeGreaterThan(5)
        expect(tableOf(folder, table, `own.${format}`), table).toBe(expected)
      }
    },
    300_000,
  )

  it.each(FORMATS.flatMap((from) => FORMATS.map((to) => [from, to] as const)))(
    'from %s to %s',
    (from, to) => {
      const name = `${from}-as.${to}`
      const manifest = converted(folder, `own.${from}`, name)
      expect(manifest.source).toMatchObject({ format: from, machine: 'x86_64' })
      expect(manifest.source.files[0]?.sha256).toBe(hashOf(join(folder, `own.${from}`)))
      expect(manifest.target).toMatchObject({
        format: to,
        path: join(folder, name),
        sha256: hashOf(join(folder, name)),
      })
      expect(manifest.memory).toMatchObject({ missing_bytes: 0, missing: [] })
      // Of raw memory nothing is absent any more; but for that, it does not matter where memory came from.
      if (from !== 'raw' || to === 'raw') {
        expect(manifest.target.sha256).toBe(hashOf(join(folder, `own.${to}`)))
      } else {
        expect(tableOf(folder, 'processes', name)).toBe(tableOf(folder, 'processes', sample))
      }
      rmSync(join(folder, name))
    },
    300_000,
  )

  it('keeps what is not there as holes', () => {
    const { size, blocks } = statSync(join(folder, 'own.raw'))
    expect(size).toBeGreaterThan(500 << 20)
    expect(blocks * 512).toBeLessThan(64 << 20)
  })

  it('says in the manifest where memory is', () => {
    const { memory }: Manifest = JSON.parse(readFileSync(join(folder, 'own.lime.manifest.json'), 'utf8'))
    expect(memory.ranges.length).toBeGreaterThan(100)
    expect(memory.ranges.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(memory.bytes)
    expect(memory.bytes).toBe(statSync(sample).size - 32 * memory.ranges.length)
  })
})

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-convert-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  copyFileSync(sampleImage(), join(folder, 'memory.lime'))
  chmodSync(join(folder, 'memory.lime'), 0o400)
})

describe('what is there already', () => {
  const names = () => readdirSync(folder).sort()

  it.each(['memory.lime', './memory.lime', 'symbolic', 'hard', 'around/memory.lime'])('is no output: %s', (output) => {
    symlinkSync('memory.lime', join(folder, 'symbolic'))
    linkSync(join(folder, 'memory.lime'), join(folder, 'hard'))
    symlinkSync('.', join(folder, 'around'))
    const [held, hash] = [names(), hashOf(join(folder, 'memory.lime'))]
    for (const input of ['memory.lime', 'symbolic']) {
      expect(salvor(folder, 'convert', input, output, '-f', 'avml')).toMatchObject({
        status: 2,
        lines: [expect.any(String)],
      })
    }
    expect([names(), hashOf(join(folder, 'memory.lime'))]).toEqual([held, hash])
  })

  it('is not replaced: neither a file nor a link to nothing, nor the manifest', () => {
    writeFileSync(join(folder, 'out.raw'), 'old')
    symlinkSync('nothing', join(folder, 'link.raw'))
    writeFileSync(join(folder, 'new.raw.manifest.json'), 'old')
    const held = names()
    for (const output of ['out.raw', 'link.raw', 'new.raw']) {
      expect(salvor(folder, 'convert', 'memory.lime', output)).toMatchObject({
        status: 2,
        stdout: '',
        lines: [expect.stringMatching(/is there already, and convert replaces nothing$/)],
      })
    }
    expect(names()).toEqual(held)
    expect(readFileSync(join(folder, 'out.raw'), 'utf8')).toBe('old')
  })

  it.each([
    ['a name that tells no format', 'out', /tells no format: end it in \.raw, /],
    ['a name that VMware has', 'out.vmem --format raw', /would be read as VMware's by its name/],
    ['a folder that is not there', 'gone/out.raw', /there is no directory gone$/],
    ['a device', '/dev/null --format raw', /\/dev\/null/],
    ['another format', 'out.kdump --format kdump', /--format/],
  ])('or cannot be: %s', (_what, args, message) => {
    const run = salvor(folder, 'convert', 'memory.lime', ...args.split(' '))
    expect(run).toMatchObject({ status: 2, stdout: '', lines: [expect.stringMatching(message)] })
    expect(names()).toEqual(['memory.lime'])
  })
})

describe('a conversion that fails leaves nothing behind', () => {
  it('for a file that may not grow further', () => {
    for (const output of ['out.raw', 'out.lime', 'out.avml', 'out.elf']) {
      expect(shell(folder, `ulimit -f 64; $salvor convert memory.lime ${output}`)).toMatchObject({
        status: 1,
        lines: [expect.stringMatching(new RegExp(`^salvor: ${output} cannot be written: file too large`, 'i'))],
      })
    }
    expect(readdirSync(folder)).toEqual(['memory.lime'])
  })

  it('for a disk that is full', ({ skip }) => {
    const inside = 'mkdir small && mount -t tmpfs -o size=2m none small'
    const tried = spawnSync('unshare', ['-rm', 'sh', '-c', inside], { cwd: folder })
    skip(tried.status !== 0, 'no file system can be mounted here')
    rmSync(join(folder, 'small'), { recursive: true })
    const line = `${inside} && { $salvor convert memory.lime small/out.avml; ls -A small; }`
    const { stdout, lines } = run(folder, 'unshare', ['-rm', 'sh', '-c', line])
    expect({ stdout, lines }).toEqual({
      stdout: '',
      lines: [expect.stringMatching(/^salvor: small\/out\.avml cannot be written: no space left on device/i)],
    })
  })

  it('for what is no image', () => {
    writeFileSync(join(folder, 'text'), 'no image\n')
    expect(salvor(folder, 'convert', 'text', 'out.raw')).toMatchObject({ status: 3, lines: [expect.any(String)] })
    expect(readdirSync(folder).sort()).toEqual(['memory.lime', 'text'])
  })
})

describe('what the image lacks', () => {
  it('is told where it is cut off, and not in the copy', () => {
    chmodSync(join(folder, 'memory.lime'), 0o600)
    truncateSync(join(folder, 'memory.lime'), statSync(join(folder, 'memory.lime')).size - 5000)
    const { status, lines } = salvor(folder, 'convert', 'memory.lime', 'out.elf')
    expect([status, lines[0]]).toEqual([PARTIAL, expect.stringMatching(/^warning: truncated/)])
    const manifest: Manifest = JSON.parse(readFileSync(join(folder, 'out.elf.manifest.json'), 'utf8'))
    expect(manifest.warnings).toHaveLength(1)
  })

  it('is zeros in raw memory, and listed', () => {
    const dump = join(folder, 'memory.kdump')
    copyFileSync(samples()[0]?.as('kdump') as string, dump)
    // The packed bytes of the last pages.
    const file = openSync(dump, 'r+')
    writeSync(file, Buffer.alloc(300, 0xff), 0, 300, statSync(dump).size - 300)
    const as = (name: string) => {
      const { status, lines } = salvor(folder, 'convert', 'memory.kdump', name)
      const manifest: Manifest = JSON.parse(readFileSync(join(folder, `${name}.manifest.json`), 'utf8'))
      expect([status, lines.join('\n')]).toEqual([
        PARTIAL,
        expect.stringContaining(`warning: ${manifest.memory.missing_bytes} bytes of memory could not be read`),
      ])
      return manifest
    }
    const raw = as('out.raw')
    const { memory } = raw
    expect(memory.missing.length).toBeGreaterThan(0)
    expect(memory.missing.every(({ why }) => why === 'unreadable')).toBe(true)
    expect(memory.missing_as).toMatch(/^zeros/)
    const bytes = readFileSync(join(folder, 'out.raw'))
    for (const { start, bytes: length } of memory.missing.filter(({ start }) => Number(start) < bytes.length)) {
      expect(bytes.subarray(Number(start), Number(start) + length).every((byte) => byte === 0)).toBe(true)
    }
    // A format that can say what is absent says so, and no byte is made up.
    const lime = as('out.lime')
    expect(lime.memory).toEqual({ ...memory, missing_as: 'nothing' })
  })
})

describe('a packed image', () => {
  it('is unpacked, and its own hash is on record', () => {
    const packed = join(import.meta.dirname, '../samples/docker-debian12/memory.lime.gz')
    copyFileSync(packed, join(folder, 'host.lime.gz'))
    const manifest = converted(folder, 'host.lime.gz', 'out.lime')
    expect(manifest.source.files).toMatchObject([{ path: join(folder, 'host.lime.gz'), sha256: hashOf(packed) }])
    expect(readFileSync(join(folder, 'out.lime')).equals(readFileSync(join(folder, 'memory.lime')))).toBe(true)
  })
})

const shared = sharedImage('docker-debian12')
describe(shared.title, () => {
  shared.require()

  it('gives all tables from its copy as from itself', () => {
    const taken = shared.as('elf')
    const { memory } = converted(folder, taken, 'copy.lime')
    expect(memory.bytes).toBeGreaterThan(700 << 20)
    const tables = (image: string) => {
      const output = join(folder, 'tables.json')
      salvor(folder, 'run', 'all', image, '-f', 'json', '-q', '-o', output, '--force')
      const made = JSON.parse(readFileSync(output, 'utf8')) as { table: string; rows: unknown[] }[]
      // It says of which format an image is.
      return new Map(made.filter(({ table }) => table !== 'info').map(({ table, rows }) => [table, rows]))
    }
    const [own, other] = [tables(taken), tables('copy.lime')]
    expect(own.size).toBeGreaterThan(80)
    expect([...other.keys()]).toEqual([...own.keys()])
    for (const [table, rows] of own) expect(other.get(table), table).toEqual(rows)
  }, 900_000)
})
