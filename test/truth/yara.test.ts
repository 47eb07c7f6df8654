/** YARA rules find what was planted, where it was planted. Without the addon an error says how to build it. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { cacheHome, SALVOR, sharedImage, table } from './images.js'

type Row = Record<string, unknown>

interface Planted {
  name: string
  pattern: string
  pids: number[]
  container: string
}

const BUILT = existsSync(new URL('../../native-yara/index.cjs', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'salvor-yara-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function rules(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const CONTAINER = 'LAB-MARKER-CONTAINER-e38ad214'
const PLANTED = rules(
  'planted.yar',
  `
rule container_marker { strings: $a = "${CONTAINER}" condition: $a }
rule rwx { strings: $text = "LAB-RWX-PATTERN-c0ffee" $hex = { 4c 41 42 2d 52 57 58 [1-4] 41 54 54 } condition: all of them }
rule absent { strings: $a = "nobody ever wrote this 5f3c" condition: $a }
rule elf { condition: uint32(0) == 0x464c457f }
`,
)

function run(...options: string[]) {
  return spawnSync(process.execPath, [SALVOR, 'yara', ...options, '--format', 'json'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, XDG_CACHE_HOME: cacheHome() },
  })
}

describe('the shared image docker-debian12', () => {
  const image = sharedImage('docker-debian12')
  image.require()

  const yara = (...options: string[]): Row[] => table('yara', image.as('elf'), '--rules', PLANTED, ...options).rows

  it('says how the addon is built where it is not', ({ skip }) => {
    skip(BUILT, 'the addon for YARA rules is built')
    const { status, stderr } = run(image.as('elf'), '--rules', PLANTED)
    expect([status, stderr]).toEqual([2, expect.stringContaining('npm run build:yara')])
  })

  describe('with the addon', () => {
    beforeEach(({ skip }) => skip(!BUILT, 'the addon for YARA rules is not built: npm run build:yara'))

    it("finds what is in a process's memory, and says whose it is", () => {
      const planted = image.truth<Planted[]>('planted.json').find(({ name }) => name === 'rwx-mapping')
      const { pattern, pids, container } = planted as Planted
      const [pid] = pids
      const own = yara('--process', String(pid))
      const text = own.filter((row) => row.rule === 'rwx' && row.pattern === '$text')
      expect(text).toContainEqual(
        expect.objectContaining({ kind: 'anonymous', pid, container_name: container, match: pattern }),
      )
      expect(own.some(({ rule }) => rule === 'absent')).toBe(false)
      expect(yara('--in-container', String(container))).toEqual(expect.arrayContaining(text))
    })

    it('finds what is in files, each from its first byte on', () => {
      const marked = yara('--path', '**/diff/opt/drop').filter(({ rule }) => rule === 'container_marker')
      expect(marked.length).toBeGreaterThan(100)
      for (const row of marked) expect(row).toMatchObject({ kind: 'page cache', container_name: 'corp-batch' })
      const [program, ...others] = yara('--path', '/usr/sbin/sshd').filter(({ rule }) => rule === 'elf')
      expect(program).toMatchObject({ what: '/usr/sbin/sshd', pattern: null, physical: null })
      expect(others).toEqual([])
    })

    it('finds what is anywhere in memory', () => {
      const rows = yara('--most', '200000')
      expect(new Set(rows.map(({ rule }) => rule))).toEqual(new Set(['container_marker', 'rwx']))
      expect(rows.some((row) => row.container_name === 'corp-batch' && row.kind === 'page cache')).toBe(true)
    })

    it('finds a text wherever a search for it does', () => {
      const searched = table('search', image.as('elf'), '--text', CONTAINER, '--most', '200000').rows
      const held = yara('--most', '200000').filter(({ rule }) => rule === 'container_marker')
      const places = (rows: Row[]) => rows.map(({ physical }) => BigInt(String(physical))).sort()
      expect(searched.length).toBeGreaterThan(100)
      expect(places(held)).toEqual(places(searched))
    })

    it('tells where a rule has a fault', () => {
      const { status, stderr } = run(image.as('elf'), '--rules', rules('bad.yar', 'rule a { condition: $b }'))
      expect([status, stderr]).toEqual([2, expect.stringContaining('bad.yar')])
      const included = run(image.as('elf'), '--rules', rules('includes.yar', 'include "planted.yar"'))
      expect([included.status, included.stdout]).toEqual([2, ''])
    })
  })
})
