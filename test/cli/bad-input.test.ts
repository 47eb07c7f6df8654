/** Files that are no images, or damaged ones: one clear line, the right exit code, never a trace. */

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'

const SALVOR = join(import.meta.dirname, '../../bin/salvor.cjs')
const folder = mkdtempSync(join(tmpdir(), 'salvor-bad-'))
const MIB = 1 << 20

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

interface Run {
  status: number | null
  stdout: string
  lines: string[]
}

function salvor(args: string[], uid?: number): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SALVOR, ...args, '--no-cache'], {
    encoding: 'utf8',
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  expect(stderr).not.toMatch(/\n\s+at |panicked|node:internal/)
  return { status, stdout, lines: stderr.split('\n').filter((line) => line !== '') }
}

function lime(start: bigint, last: bigint, body: number): Buffer {
  const header = Buffer.alloc(32)
  header.writeUInt32LE(0x4c694d45, 0)
  header.writeUInt32LE(1, 4)
  header.writeBigUInt64LE(start, 8)
  header.writeBigUInt64LE(last, 16)
  return Buffer.concat([header, Buffer.alloc(body)])
}

function elf(type: number): Buffer {
  const bytes = Buffer.alloc(4096)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  bytes.writeUInt16LE(type, 16)
  bytes.writeUInt16LE(62, 18)
  bytes.writeUInt32LE(1, 20)
  bytes.writeUInt16LE(64, 52)
  return bytes
}

describe('evidence that cannot be read exits 3', () => {
  it.each([
    ['an empty file', () => file('empty', ''), /the file is empty/],
    ['a text file', () => file('notes.txt', 'case notes\n'.repeat(100)), /not a memory image/],
    [
      'a LiME range that ends before it starts',
      () => file('backwards.lime', lime(0x2000n, 0x1000n, 4096)),
      /before it starts/,
    ],
    ['an ELF program', () => file('program', elf(2)), /not a memory core/],
    ['a directory', () => mkdtempSync(join(folder, 'dir-')), /a directory/],
    ['a missing file', () => join(folder, 'missing.raw'), /no such file/],
  ])('%s', (_, make, message) => {
    const path = make()
    const { status, stdout, lines } = salvor(['processes', path])
    expect(lines).toEqual([expect.stringMatching(message)])
    expect(lines[0]).toContain(path)
    expect(stdout).toBe('')
    expect(status).toBe(3)
  })

  it('a file without permission', ({ skip }) => {
    if (process.getuid?.() !== 0) {
      const path = file('secret.raw', Buffer.alloc(MIB))
      chmodSync(path, 0)
      expect(salvor(['processes', path])).toMatchObject({
        status: 3,
        lines: [expect.stringMatching(/permission denied/)],
      })
      return
    }
    // Root may read everything, so salvor runs as nobody, if nobody may run it.
    const nobody = 65534
    if (spawnSync(process.execPath, [SALVOR, '--version'], { uid: nobody, gid: nobody }).status !== 0) {
      skip('root may read everything, and nobody else can run this checkout')
    }
    chmodSync(folder, 0o755)
    const path = file('secret.raw', Buffer.alloc(MIB))
    chmodSync(path, 0o600)
    expect(salvor(['processes', path], nobody)).toMatchObject({
      status: 3,
      lines: [expect.stringMatching(/permission denied/)],
    })
  })
})

describe('an image without a kernel exits 4', () => {
  it.each([
    ['zeros', () => file('zeros.raw', Buffer.alloc(4 * MIB))],
    [
      'a banner and nothing else',
      () => {
        const bytes = Buffer.alloc(8 * MIB)
        bytes.write(
          'Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org) (gcc) #1 SMP Debian 6.1.192-2\n\0',
          2 * MIB,
        )
        return file('banner.raw', bytes)
      },
    ],
    ['a LiME range longer than the file', () => file('long.lime', lime(0n, 0xffff_ffff_ffff_fff0n, MIB))],
  ])('%s', (_, make) => {
    const { status, stdout, lines } = salvor(['processes', make()])
    expect(status).toBe(4)
    expect(stdout).toBe('')
    expect(lines.filter((line) => !/^(warning|note)/.test(line))).toEqual([expect.stringMatching(/kernel/)])
  })
})

describe('a kernel without what an analyzer asks for exits 4', () => {
  it('and says which type, member and alternatives, and which kernel', () => {
    const plugin = file(
      'own.mjs',
      `import { defineAnalyzer, text } from 'salvor'
      export default defineAnalyzer({
        name: 'own', area: 'own', summary: 'Names what no kernel has', columns: { value: text('A value') },
        *run({ kernel }) {
          kernel.symbol('init_task', 'struct task_struct').select({ value: ['nothing', 'real_parent->none'] })
        },
      })`,
    )
    const { status, stdout, lines } = salvor(['own', sampleImage(), '--plugin', plugin])
    expect(lines).toEqual([expect.stringMatching(/kernel 6\.1\.0-.* lacks/)])
    for (const part of ["'nothing'", "'real_parent->none'", "struct task_struct has no member 'none'"])
      expect(lines[0]).toContain(part)
    expect(stdout).toBe('')
    expect(status).toBe(4)
  })
})

describe('a truncated image', () => {
  it('gives what can be read, says what is missing, and never exits 0', () => {
    const whole = readFileSync(sampleImage())
    for (const share of [0.9, 0.5, 0.1]) {
      const path = file('truncated.lime', whole)
      truncateSync(path, Math.floor(whole.length * share))
      const { status, lines } = salvor(['processes', path, '--format', 'json'])
      expect([3, 4, 5], `${share}: ${lines[0]}`).toContain(status)
      expect(lines.length).toBeGreaterThan(0)
    }
  })
})
