/** Core files against what the guests mapped, and as readelf and gdb see them, where these are installed. */

import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SALVOR, sharedImage, type TruthProcess, table } from './images.js'

/** The planted mapping, a daemon of eight threads, and the planted shell. */
const [PLANTED, DAEMON, SHELL] = [1618, 238, 1829]
const PATTERN = 'LAB-RWX-PATTERN-c0ffee'

interface Mapped extends TruthProcess {
  maps: string[]
}

interface Segment {
  start: bigint
  end: bigint
  flags: number
  offset: number
  bytes: number
}

function loadsOf(file: Buffer): Segment[] {
  expect(file.toString('latin1', 0, 4)).toBe('\x7fELF')
  const count = file.readUInt16LE(56)
  return Array.from({ length: count }, (_, index) => 64 + index * 56)
    .filter((at) => file.readUInt32LE(at) === 1)
    .map((at) => {
      const start = file.readBigUInt64LE(at + 16)
      return {
        start,
        end: start + file.readBigUInt64LE(at + 40),
        flags: file.readUInt32LE(at + 4),
        offset: Number(file.readBigUInt64LE(at + 8)),
        bytes: Number(file.readBigUInt64LE(at + 32)),
      }
    })
}

const isInstalled = (program: string) => spawnSync(program, ['--version']).status === 0

describe('the shared image docker-debian12', () => {
  const image = sharedImage('docker-debian12')
  image.require()
  const folder = mkdtempSync(join(tmpdir(), 'salvor-core-'))
  let rows: Record<string, unknown>[] = []
  beforeAll(() => {
    if (image.missing) return
    const wanted = [PLANTED, DAEMON, SHELL].flatMap((pid) => ['--process', String(pid)])
    rows = table('process-dump', image.as('elf'), ...wanted, '--output-dir', folder).rows
  }, 60_000)
  afterAll(() => rmSync(folder, { recursive: true }))

  const row = (pid: number) => rows.find((one) => one.pid === pid) ?? {}
  const path = (pid: number) => join(folder, (row(pid).file as { file: string }).file)
  const maps = (pid: number) => {
    const found = image.truth<Mapped[]>('processes.json').find((one) => one.pid === pid)
    return (found?.maps ?? []).flatMap((line) => {
      const [span = '', permissions = '', , , , name] = line.split(/ +/)
      if (name === '[vsyscall]') return []
      const [start = 0n, end = 0n] = span.split('-').map((address) => BigInt(`0x${address}`))
      return [{ start, end, permissions, name }]
    })
  }

  it('has a segment for each mapping, and all that is in memory', () => {
    expect(rows.map(({ pid }) => pid)).toEqual([DAEMON, PLANTED, SHELL])
    for (const pid of [PLANTED, DAEMON, SHELL]) {
      const file = readFileSync(path(pid))
      const segments = loadsOf(file)
      const { present, absent, missing, gaps, mappings, file: artifact } = row(pid)
      expect(mappings).toBe(maps(pid).length)
      for (const { start, end, permissions } of maps(pid)) {
        const own = segments.filter((segment) => segment.start >= start && segment.start < end)
        expect(own[0]?.start).toBe(start)
        expect(own.at(-1)?.end).toBe(end)
        const letters = [permissions[0] === 'r' ? 4 : 0, permissions[1] === 'w' ? 2 : 0, permissions[2] === 'x' ? 1 : 0]
        for (const { flags } of own) expect(flags).toBe(letters.reduce((sum, letter) => sum + letter))
      }
      const whole = maps(pid).reduce((sum, { start, end }) => sum + Number(end - start), 0)
      expect((present as number) + (absent as number) + (missing as number)).toBe(whole)
      expect(present).toBeGreaterThan(500_000)
      expect((gaps as string[]).length).toBeGreaterThan(1)
      expect(artifact).toMatchObject({ bytes: file.length, sha256: createHash('sha256').update(file).digest('hex') })
    }
  })

  it('has what was planted, where it was planted', () => {
    const planted = maps(PLANTED).find(({ permissions }) => permissions === 'rwxp')
    const file = readFileSync(path(PLANTED))
    const segment = loadsOf(file).find(({ start }) => start === planted?.start)
    const offset = segment?.offset ?? 0
    expect(file.toString('latin1', offset + 0x100, offset + 0x100 + PATTERN.length)).toBe(PATTERN)
    expect([...file.subarray(offset, offset + 0x100)].every((byte) => byte === 0x90)).toBe(true)
  })

  it('is a core file to readelf', ({ skip }) => {
    skip(!isInstalled('readelf'), 'readelf is not installed')
    for (const pid of [PLANTED, DAEMON, SHELL]) {
      const { stdout, stderr } = spawnSync('readelf', ['--file-header', '--segments', path(pid)], { encoding: 'utf8' })
      expect(stderr).toBe('')
      expect(stdout).toMatch(/Type: +CORE/)
      const notes = execFileSync('readelf', ['--notes', path(pid)], { encoding: 'utf8' })
      expect(notes.match(/NT_PRSTATUS/g)).toHaveLength(row(pid).threads as number)
      expect(notes).toMatch(/NT_PRPSINFO.*NT_AUXV.*NT_FILE/s)
    }
  })

  it('is a process to gdb', ({ skip }) => {
    skip(!isInstalled('gdb'), 'gdb is not installed')
    const gdb = (pid: number, ...commands: string[]) => {
      const asked = commands.flatMap((command) => ['-ex', command])
      return spawnSync('gdb', ['-batch', '-nx', ...asked, '-c', path(pid)], { encoding: 'utf8' }).stdout
    }
    const planted = maps(PLANTED).find(({ permissions }) => permissions === 'rwxp')
    const seen = gdb(PLANTED, `x/s ${(planted?.start ?? 0n) + 0x100n}`, 'info registers rip', 'info proc mappings')
    expect(seen).toContain(`"${PATTERN}"`)
    expect(seen).toContain('Core was generated by `/tmp/.d rwx')
    expect(seen).toMatch(/0x401000 +0x4a3000 +0xa2000 +0x1000 +\/tmp\/\.d/)
    const { rows: stacks } = table('user-stacks', image.as('elf'))
    const instruction = stacks.find(({ tid }) => tid === PLANTED)?.instruction as string
    expect(seen).toMatch(new RegExp(`rip +${instruction}`))
    expect(gdb(DAEMON, 'info threads').match(/LWP \d+/g)?.length).toBeGreaterThanOrEqual(8)
  })

  it('asks which process', () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [SALVOR, 'process-dump', image.as('elf'), '--output-dir', folder],
      {
        encoding: 'utf8',
      },
    )
    expect(status).toBe(2)
    expect(stderr).toContain('--process')
  })
})
