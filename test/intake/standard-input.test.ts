/** Images that are piped in, by the built command line. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256Of } from '../../dist/src/file-hash.js'
import { sampleImage } from '../../dist/src/sample.js'
import { contents, entry } from '../batch/run.js'

let folder: string
let packed: Buffer
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-piped-'))
  packed = readFileSync(sampleImage('podman-debian11'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function piped(args: readonly string[], input: Buffer | string) {
  const all = [entry, ...args, '--spool-dir', join(folder, 'spool')]
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { input, encoding: 'utf8' })
  return { status, stdout, stderr }
}

test('an image that is piped in gives what its file gives, and nothing is left of it', () => {
  const args = (image: string) => ['processes', image, '--format', 'csv']
  const own = spawnSync(process.execPath, [entry, ...args(sampleImage('podman-debian11'))], { encoding: 'utf8' })
  const { status, stdout, stderr } = piped(args('-'), packed)
  expect([status, stderr]).toEqual([0, ''])
  expect(stdout).toBe(own.stdout)
  expect(readdirSync(join(folder, 'spool'))).toEqual([])
})

test('a batch records what came in by its hash, and the same again is the same image', async () => {
  const into = join(folder, 'case')
  const args = ['batch', 'processes', '-', '--case', into]
  for (let times = 0; times < 2; times++) expect(piped(args, packed).status).toBe(0)
  const { images, faults } = await contents(into)
  expect(images).toMatchObject([{ sha256: sha256Of(packed), state: 'complete' }])
  expect(faults).toEqual([])
  const verified = spawnSync(process.execPath, [entry, 'verify', into], { encoding: 'utf8' })
  expect([verified.status, verified.stdout.includes('not kept')]).toEqual([0, true])
})

test('an image that is piped in is converted as its file is, and is on record under its name', () => {
  for (const [image, output] of [
    [sampleImage('podman-debian11'), 'own.elf'],
    ['-', 'piped.elf'],
  ] as const) {
    const { status, stderr } = piped(['convert', image, join(folder, output)], packed)
    expect(status, stderr).toBe(0)
    expect(stderr).not.toContain('/proc/')
  }
  expect(readFileSync(join(folder, 'piped.elf')).equals(readFileSync(join(folder, 'own.elf')))).toBe(true)
  const record = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.manifest.json`), 'utf8'))
  const [source] = record('piped.elf').source.files
  expect(source).toMatchObject({ path: '-', bytes: packed.length, sha256: sha256Of(packed) })
  expect(record('piped.elf').memory).toEqual(record('own.elf').memory)
  expect(readdirSync(join(folder, 'spool'))).toEqual([])
  const { status, stderr } = piped(['convert', '-', join(folder, 'no.elf')], 'no image')
  expect([status, /^salvor: -: /.test(stderr)], stderr).toEqual([3, true])
  expect(readdirSync(folder).filter((name) => name.includes('no.elf'))).toEqual([])
})

test.each([
  ['', 3, /it ended before a single byte/],
  ['no image', 3, /^salvor: -: /],
])('what is no image is told under its name: %j', (input, code, message) => {
  const { status, stderr } = piped(['info', '-'], input)
  expect([status, message.test(stderr)], stderr).toEqual([code, true])
})
