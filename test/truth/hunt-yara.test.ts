/** YARA rules over the images of a case: what was planted is found, and what cannot be searched is said. */

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { cacheHome, SALVOR } from './images.js'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const BUILT = existsSync(new URL('../../native-yara/index.cjs', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'salvor-hunt-yara-'))
const incident = join(folder, 'case')
const images = ['kept', 'gone', 'changed'].map((name) => join(folder, `${name}.lime`))
const [kept = '', gone = '', changed = ''] = images
/** What every image of Linux has. */
const BANNER = 'rule banner { strings: $v = /Linux version \\d+\\.\\d+\\.\\d+/ condition: $v }'
const ABSENT = 'rule absent { strings: $a = "nobody ever wrote this 5f3c" condition: $a }'

function salvor(...args: string[]) {
  const env = { ...process.env, XDG_CACHE_HOME: cacheHome() }
  const { status, stdout, stderr } = spawnSync(process.execPath, [SALVOR, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env,
  })
  return { code: status, stdout, stderr }
}

function hunt(...args: string[]) {
  const { code, stdout, stderr } = salvor('hunt', incident, ...args, '-q', '-f', 'ndjson')
  const rows = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { code, stderr, rows }
}

function file(name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

beforeAll(() => {
  for (const [at, path] of images.entries()) {
    copyFileSync(sampleImage('docker-debian12'), path)
    // Bytes of LiME's header that mean nothing: each is another file.
    spawnSync('dd', [`of=${path}`, 'bs=1', 'seek=24', 'conv=notrunc'], { input: String(at) })
  }
  expect([0, 5]).toContain(salvor('batch', 'info', ...images, '--case', incident, '-q').code)
  rmSync(gone)
  spawnSync('dd', [`of=${changed}`, 'bs=1', 'seek=25', 'conv=notrunc'], { input: 'x' })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('without the addon rules of a list are said not to be searched, and those of an option are an error', ({
  skip,
}) => {
  skip(BUILT, 'the addon for YARA rules is built')
  const list = file('list.json', { type: 'indicator', pattern_type: 'yara', pattern: BANNER })
  expect(hunt('--list', list)).toMatchObject({
    code: 5,
    rows: [],
    stderr: expect.stringContaining('npm run build:yara'),
  })
  const own = hunt('--yara', file('rules.yar', BANNER))
  expect([own.code, own.stderr]).toEqual([2, expect.stringContaining('npm run build:yara')])
})

test('an image that is still what it was is searched, and others are named with the reason', ({ skip }) => {
  skip(!BUILT, 'the addon for YARA rules is not built')
  const { code, rows, stderr } = hunt('--yara', file('rules.yar', `${BANNER}\n${ABSENT}`))
  expect(code).toBe(5)
  expect(stderr).toContain(`not searched: ${gone} is gone`)
  expect(stderr).toContain(`not searched: ${changed} is another than was analyzed: its SHA-256 is`)
  expect(stderr).not.toContain(kept)
  expect(rows.length).toBeGreaterThan(0)
  expect(new Set(rows.map(({ indicator }) => indicator))).toEqual(new Set(['banner']))
  expect(rows[0]).toMatchObject({ kind: 'yara', images: 1, hostname: 'docker-debian12', table: 'yara', column: '$v' })
  for (const { value, place } of rows) {
    expect(value).toMatch(/^Linux version \d/)
    expect(place).toMatch(/physical 0x[0-9a-f]+$/)
  }
})

test('rules of a list are searched beside its other indicators; a faulty one is told and the others hold', ({
  skip,
}) => {
  skip(!BUILT, 'the addon for YARA rules is not built')
  const attributes = [BANNER, 'rule broken { condition: nothing }', BANNER].map((value) => ({ type: 'yara', value }))
  const list = file('misp.json', { Event: { Attribute: [...attributes, { type: 'mutex', value: 'x' }] } })
  const { code, rows, stderr } = hunt('--list', list, 'docker-debian12')
  expect(code).toBe(5)
  expect(stderr).toMatch(/not searched: YARA rules 2 of .*nothing/)
  expect(stderr).toContain('not searched: attribute mutex')
  const kinds = rows.map(({ kind, indicator }) => `${kind} ${indicator}`)
  expect(new Set(kinds)).toEqual(new Set(['yara banner', 'text docker-debian12']))
  // Those of one option alone are a mistake of whoever gave them.
  const broken = hunt('--yara', file('broken.yar', 'rule broken { condition: nothing }'))
  expect([broken.code, broken.stderr]).toEqual([2, expect.stringContaining('broken.yar')])
})

test('where rules are looked for belongs to rules', () => {
  const { code, stderr } = hunt('text', '--process', '1')
  expect([code, stderr]).toEqual([2, expect.stringContaining('YARA')])
})
