/** The same memory gives every table that needs no option, byte for byte, in every format: `run all`, in one opening. */

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { append } from '../../dist/src/append.js'
import { withMemory } from './formats.js'
import { cacheHome, SALVOR, samples, sharedImage, type TruthImage } from './images.js'
import { FORMATS, PACKED } from './ways.js'

/** What `info` says of the file itself: each format has its own. */
const OF_THE_FILE = ['format', 'size', 'files', 'unpacked_from', 'ranges']
/** The sample lacks pages, which these hold as zeros, as a raw file does: QEMU writes a guest's memory whole. */
const FLAT = ['guest.mapped', 'guest.save-sparse']
/** Tables that have rows there, at least. */
const TABLES = 35
const LONG = 180_000
const PARTIAL = 5

/** Lines of all tables of an image, by table; but for what names the file. */
function everyTable(path: string): Map<string, string[]> {
  const env = { ...process.env, XDG_CACHE_HOME: cacheHome() }
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [SALVOR, 'run', 'all', path, '--format', 'ndjson', '--quiet'],
    { encoding: 'utf8', maxBuffer: 1 << 30, env },
  )
  if (status !== 0 && status !== PARTIAL) throw new Error(`run all of ${path} ended with ${status}: ${stderr}`)
  const tables = new Map<string, string[]>()
  for (const line of stdout.replaceAll(JSON.stringify(path), '"IMAGE"').trimEnd().split('\n')) {
    const [, name = ''] = /^{"table":"([^"]+)"/.exec(line) ?? []
    append(tables, name, name === 'info' ? withoutFile(line) : line)
  }
  return tables
}

function withoutFile(line: string): string {
  return JSON.stringify(JSON.parse(line), (key, value) => (OF_THE_FILE.includes(key) ? undefined : value))
}

/** Compares them one by one, so that the first that differs is named, and not a file of many MiB shown. */
function expectSame(got: Map<string, string[]>, wanted: Map<string, string[]>, except: readonly string[] = []): void {
  expect([...got.keys()]).toEqual([...wanted.keys()])
  for (const [name, lines] of wanted) {
    if (except.includes(name)) continue
    const theirs = got.get(name) ?? []
    expect(theirs.length, name).toBe(lines.length)
    const first = lines.findIndex((line, at) => line !== theirs[at])
    expect(first < 0 ? '' : `${name}: ${theirs[first]}`).toBe(first < 0 ? '' : `${name}: ${lines[first]}`)
  }
}

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-tables-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const sample = samples().find(({ name }) => name === 'podman-debian11') as TruthImage

describe(`every table of ${sample.title}`, () => {
  let known: Map<string, string[]>
  let flat: Map<string, string[]>
  beforeAll(() => {
    known = everyTable(sample.as('lime'))
    flat = everyTable(sample.as('raw'))
  }, LONG)

  it('has rows, in most tables', () => {
    expect(known.size).toBeGreaterThan(TABLES)
  })

  it.each(sample.formats.filter((format) => format !== 'lime' && format !== 'raw'))(
    'is the same as %s',
    (format) => expectSame(everyTable(sample.as(format)), known),
    LONG,
  )

  it.each(FORMATS)(
    'is the same as %s in %s',
    (_, name, write) => {
      const path = join(folder, name)
      withMemory(sample.as('lime'), (memory) => write(path, memory))
      expectSame(everyTable(path), FLAT.includes(name) ? flat : known)
      rmSync(path)
    },
    LONG,
  )

  it.for(PACKED)('is the same packed as %s', { timeout: LONG }, ([ending, pack], { skip }) => {
    const plain = join(folder, 'memory.lime')
    copyFileSync(sample.as('lime'), plain)
    const missing = pack(plain, `${plain}.${ending}`)
    skip(missing !== undefined, missing)
    expectSame(everyTable(`${plain}.${ending}`), known)
  })
})

describe('every table of a whole image', () => {
  const image = sharedImage('docker-debian12')
  image.require()

  it('is the same as raw, but for who owns what lies between its ranges', { timeout: LONG }, () => {
    expectSame(everyTable(image.as('raw')), everyTable(image.as('elf')), ['memory-by-owner'])
  })
})
