/** Memory and programs as files: against each other, and as readelf sees them, where it is installed. */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sharedImage, table } from './images.js'

/** The planted mapping, and the planted program that runs from a memfd. */
const [MAPPING, MEMFD] = [1618, 1595]

type Row = Record<string, unknown>

describe('the shared image docker-debian12', () => {
  const image = sharedImage('docker-debian12')
  image.require()
  const folder = mkdtempSync(join(tmpdir(), 'salvor-dump-'))
  let [mappings, programs]: [Row[], Row[]] = [[], []]
  beforeAll(() => {
    if (image.missing) return
    const written = (analyzer: string, pid: number) =>
      table(analyzer, image.as('elf'), '--process', String(pid), '--output-dir', join(folder, analyzer)).rows
    mappings = written('memory-dump', MAPPING)
    programs = written('elf-dump', MEMFD)
  }, 60_000)
  afterAll(() => rmSync(folder, { recursive: true }))

  const contents = (analyzer: string, row: Row | undefined) => {
    const written = (row?.file ?? {}) as { file: string; bytes: number; sha256: string }
    const { file, bytes, sha256 } = written
    const read = readFileSync(join(folder, analyzer, file))
    expect(bytes).toBe(read.length)
    expect(createHash('sha256').update(read).digest('hex')).toBe(sha256)
    return read
  }

  it('calls an address that is none a mistake of whoever gave it', () => {
    const options = ['--process', String(MAPPING), '--at', 'zz', '--output-dir', join(folder, 'none')]
    expect(() => table('memory-dump', image.as('elf'), ...options)).toThrow(/ended with 2: .*--at: zz is no address/)
  })

  it('has each mapping in a file, with what was planted in its place', () => {
    const maps = table('memory-maps', image.as('elf')).rows.filter(
      ({ pid, path }) => pid === MAPPING && path !== '[vsyscall]',
    )
    expect(mappings.map(({ start, end, path }) => ({ start, end, path }))).toEqual(
      maps.map(({ start, end, path }) => ({ start, end, path })),
    )
    const planted = contents(
      'memory-dump',
      mappings.find(({ permissions }) => permissions === 'rwxp'),
    )
    expect(planted.length).toBe(16 << 10)
    expect(planted.toString('latin1', 0x100, 0x116)).toBe('LAB-RWX-PATTERN-c0ffee')
    for (const { start, end, present, absent, missing } of mappings) {
      const length = Number(BigInt(end as string) - BigInt(start as string))
      expect((present as number) + (absent as number) + (missing as number)).toBe(length)
    }
  })

  it('has one mapping by an address in it', () => {
    const { start } = mappings.find(({ permissions }) => permissions === 'rwxp') ?? {}
    const at = `0x${(BigInt(start as string) + 0x123n).toString(16)}`
    const one = ['--process', String(MAPPING), '--at', at, '--output-dir', join(folder, 'one')]
    expect(table('memory-dump', image.as('elf'), ...one).rows.map((row) => row.start)).toEqual([start])
  })

  it('has the program that never had a file, as a file', ({ skip }) => {
    const planted = programs.find(({ path }) => path === '/memfd:cfg (deleted)')
    expect(planted).toMatchObject({ comm: 'memfd:cfg', container_name: 'corp-batch', missing: 0 })
    const file = contents('elf-dump', planted)
    expect(file.toString('latin1', 0, 4)).toBe('\x7fELF')
    // It is a copy of sleep, whose text lies where the file has it.
    expect(file.includes('GNU coreutils')).toBe(true)
    skip(spawnSync('readelf', ['--version']).status !== 0, 'readelf is not installed')
    const path = join(folder, 'elf-dump', (planted?.file as { file: string } | undefined)?.file ?? '')
    const read = spawnSync('readelf', ['--file-header', '--segments', '--dynamic', path], { encoding: 'utf8' })
    expect(read.stderr).toBe('')
    expect(read.stdout).toContain('Shared library: [libc.so.6]')
    expect(read.stdout).toMatch(/Number of section headers: +0/)
  })
})
