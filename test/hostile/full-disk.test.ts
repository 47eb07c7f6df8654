/** Disks that are full in the middle of something: a clear word, nothing half done, and the same command goes on later. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { exitCodes } from '../../dist/src/engine/status.js'
import { sampleImage } from '../../dist/src/sample.js'
import { makeImages } from '../batch/images.js'
import { contents, entry, startSalvor } from '../batch/run.js'

const FULL = /no space left|disk .*is full|file too large|not enough space|could not write/i

let folder: string
let disk: string
let why: string | undefined

function mount(...args: string[]): string | undefined {
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', ...args, 'tmpfs', disk], { encoding: 'utf8' })
  return status === 0 ? undefined : `no file system of its own can be mounted: ${stderr}`
}

/** A disk that has so much room from now on. */
function room(kib: number): void {
  expect(mount('-o', `remount,size=${kib}k`)).toBeUndefined()
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-full-'))
  disk = join(folder, 'disk')
  mkdirSync(disk)
  why = process.getuid?.() === 0 ? mount('-o', 'size=64k') : 'only root can mount a file system'
})
afterAll(() => {
  if (why === undefined) expect(spawnSync('umount', [disk]).status).toBe(0)
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(({ skip }) => {
  skip(why !== undefined, why)
  for (const name of readdirSync(disk)) rmSync(join(disk, name), { recursive: true })
})

const image = sampleImage('podman-debian11')
const run = (...args: string[]) => startSalvor(args).ended

describe('a batch', () => {
  // In a child's first table or its last, in the transaction of the first image or a later one.
  test.each([64, 1024, 6_000, 12_000, 16_000])(
    'goes on when there is room again: %i KiB',
    async (kib) => {
      const images = join(folder, 'images')
      if (!existsSync(images)) makeImages(images, 3)
      const batch = (into: string) =>
        run('batch', 'processes', 'files', 'kernel-symbols', images, '--case', into, '--workers', '1')
      const calm = join(folder, 'calm')
      if (!existsSync(calm)) expect((await batch(calm)).code).toBe(exitCodes.evidence)
      room(kib)
      const into = join(disk, 'case')
      const first = await batch(into)
      expect(first.stderr + first.stdout).not.toMatch(/\n\s+at |panicked|INTERNAL/)
      if (first.code !== exitCodes.evidence || /lost/.test(first.stdout)) {
        expect([exitCodes.limit, exitCodes.usage, exitCodes.evidence]).toContain(first.code)
        expect(first.stderr).toMatch(FULL)
      }
      room(262_144)
      const second = await batch(into)
      expect([second.code, /lost/.test(second.stdout)], second.stderr).toEqual([exitCodes.evidence, false])
      expect(await contents(into)).toEqual(await contents(calm))
      expect(readdirSync(into).sort()).toEqual(['case.duckdb', 'manifests'])
    },
    120_000,
  )
})

describe('what is brought here', () => {
  test('needs a disk that keeps its reserve, or leaves nothing', () => {
    room(65_536)
    const args = [entry, 'info', '-', '--spool-dir', join(disk, 'spool')]
    const { status, stderr } = spawnSync(process.execPath, args, { input: readFileSync(image), encoding: 'utf8' })
    expect([status, FULL.test(stderr)], stderr).toEqual([exitCodes.limit, true])
    expect(readdirSync(join(disk, 'spool'))).toEqual([])
  })

  test('is refused by a system that lets no file grow so far', () => {
    const spool = join(folder, 'spool')
    const script = 'ulimit -f 1024; exec "$0" "$@"'
    const args = ['-c', script, process.execPath, entry, 'info', '-', '--spool-dir', spool]
    const { status, stderr } = spawnSync('bash', args, { input: readFileSync(image), encoding: 'utf8' })
    expect([status, FULL.test(stderr)], stderr).toEqual([exitCodes.limit, true])
    expect(readdirSync(spool)).toEqual([])
  })
})

test.each([
  ['convert', 64, (output: string) => ['convert', image, `${output}.raw`]],
  ['convert', 1024, (output: string) => ['convert', image, `${output}.lime`]],
  ['report', 64, (output: string) => ['report', image, '--quick', '-o', `${output}.html`]],
  ['report', 100, (output: string) => ['report', image, '--quick', '-o', `${output}.html`]],
  ['distill', 64, (output: string) => ['distill', image, '-o', `${output}.lime`]],
])(
  '%s leaves nothing on a disk of %i KiB, and does it where there is room',
  async (_what, kib, args) => {
    room(kib)
    const words = args(join(disk, 'output'))
    const { code, stderr } = await run(...words)
    expect(code).not.toBe(exitCodes.complete)
    expect(stderr).toMatch(FULL)
    expect(stderr).not.toMatch(/\n\s+at |panicked/)
    expect(readdirSync(disk)).toEqual([])
    room(262_144)
    expect([exitCodes.complete, exitCodes.partial]).toContain((await run(...words)).code)
    expect(readdirSync(disk).length).toBeGreaterThan(0)
  },
  120_000,
)
