/** `salvor report`: what the page holds, and what it lets a browser do. */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { repository } from '../cli/run.js'
import { evidenceFile } from '../evidence/files.js'
import { readReport, withoutData } from './read.js'

const TABLES = 'info,containers,processes,findings,rules,timeline,modules'

let folder: string
let html: string
let code: number | null

function salvor(...args: string[]) {
  const options = { cwd: repository, encoding: 'utf8', maxBuffer: 1 << 28 } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/salvor.cjs', ...args], options)
  return { code: status, stdout, stderr }
}

const place = (name: string): string => join(folder, name)

function sha256(text: string | Buffer, encoding: 'hex' | 'base64'): string {
  return createHash('sha256').update(text).digest(encoding)
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-report-'))
  code = salvor('report', sampleImage(), '-o', place('report.html'), '--analyzers', TABLES, '-q').code
  html = readFileSync(place('report.html'), 'utf8')
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true }))

test('it holds the tables as JSON has them, in the order asked for', () => {
  const { head, rows } = readReport(html)
  const names = TABLES.split(',')
  expect(head.images).toHaveLength(1)
  expect(head.images[0]?.tables.map(({ name }) => name)).toEqual(names)
  const run = salvor('run', ...names, sampleImage(), '-f', 'json', '-q')
  expect(run.code).toBe(code)
  const tables = JSON.parse(run.stdout) as { table: string; rows: object[]; warnings: { analyzer?: string }[] }[]
  for (const { table, rows: wanted, warnings } of tables) {
    expect(rows(table), table).toEqual(wanted)
    const own = warnings.filter(({ analyzer }) => analyzer !== undefined)
    expect(head.images[0]?.tables.find(({ name }) => name === table)?.warnings, table).toEqual(own)
  }
  expect(rows('processes').length).toBeGreaterThan(100)
  expect(rows('findings').length).toBeGreaterThan(3)
})

test('it says which file it is made of, by its hash', () => {
  const [image] = readReport(html).head.images
  const bytes = readFileSync(sampleImage())
  expect(image?.files).toEqual([{ path: sampleImage(), bytes: bytes.length, sha256: sha256(bytes, 'hex') }])
})

describe('the page', () => {
  test('lets only its own script and style in, by their hashes', () => {
    const page = withoutData(html)
    const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]+)">/.exec(page)?.[1] ?? ''
    const scripts = [...page.matchAll(/<script>(.*?)<\/script>/gs)].map(([, text = '']) => text)
    const styles = [...page.matchAll(/<style>(.*?)<\/style>/gs)].map(([, text = '']) => text)
    expect([scripts.length, styles.length]).toEqual([1, 1])
    const directives = policy.split('; ')
    expect(directives[0]).toBe("default-src 'none'")
    expect(directives).toContain(`script-src 'sha256-${sha256(scripts[0] ?? '', 'base64')}'`)
    expect(directives).toContain(`style-src 'sha256-${sha256(styles[0] ?? '', 'base64')}'`)
    expect(directives).toContain("require-trusted-types-for 'script'")
    expect(policy).not.toContain('unsafe')
    // The policy comes before all that it is about.
    expect(page.indexOf('Content-Security-Policy')).toBeLessThan(page.indexOf('<style>'))
  })

  test('refers to nothing outside of it', () => {
    const page = withoutData(html)
    // The name of a namespace is not fetched.
    const outside = /https?:|\bsrc=|url\((?!#)|@import|<link/
    expect(outside.exec(page.replaceAll('http://www.w3.org/2000/svg', ''))?.[0]).toBeUndefined()
    const unsafe = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/
    expect(unsafe.exec(page)?.[0]).toBeUndefined()
  })

  test('is small beside its data', () => {
    expect(withoutData(html).length).toBeLessThan(250_000)
  })
})

test('a table beyond the limit is cut, and says how long it is; a timeline keeps what are no files', () => {
  const args = ['--analyzers', 'processes,timeline', '--limit', '40', '--no-hash', '-q']
  salvor('report', sampleImage(), '-o', place('cut.html'), ...args)
  const { head, rows } = readReport(readFileSync(place('cut.html'), 'utf8'))
  const whole = readReport(html)
  for (const { name, rows: held, total } of head.images[0]?.tables ?? []) {
    expect([name, held, total]).toEqual([name, 40, whole.rows(name).length])
  }
  expect(rows('processes')).toEqual(whole.rows('processes').slice(0, 40))
  const others = (whole.rows('timeline') as { table: string }[]).filter(({ table }) => table !== 'files')
  expect(others.length).toBeGreaterThan(40)
  expect(rows('timeline')).toEqual(others.slice(-40))
  expect(head.images[0]?.files[0]?.sha256).toBeNull()
})

test('an image that cannot be read costs itself', () => {
  const args = ['-o', place('two.html'), '--analyzers', 'info', '-q']
  const { code: ended, stderr } = salvor('report', join(repository, 'package.json'), sampleImage(), ...args)
  expect(ended).toBe(3)
  expect(stderr).toContain('package.json')
  expect(readReport(readFileSync(place('two.html'), 'utf8')).head.images).toHaveLength(1)
})

test('files of evidence go to each table that takes them, and have one of their own', () => {
  const held = ['--evidence', evidenceFile('docker-ps.ndjson'), '--evidence', evidenceFile('audit.log')]
  const args = ['--analyzers', 'info,evidence,rules', '--no-hash', '-q']
  const made = salvor('report', sampleImage(), '-o', place('held.html'), ...args, ...held)
  const { rows } = readReport(readFileSync(place('held.html'), 'utf8'))
  const alone = salvor('evidence', sampleImage(), '-f', 'json', '-q', ...held)
  expect(made.code, made.stderr).toBe(alone.code)
  expect(rows('evidence')).toEqual((JSON.parse(alone.stdout) as { rows: object[] }).rows)
  expect(rows('evidence').length).toBeGreaterThan(3)
  const rules = salvor('rules', sampleImage(), '-f', 'json', '-q', ...held)
  expect(rows('rules')).toEqual((JSON.parse(rules.stdout) as { rows: object[] }).rows)
}, 120_000)

describe('what cannot be done is told before anything is read', () => {
  const cases: [string, () => string[], string][] = [
    ['no output', () => [sampleImage()], 'report needs --output FILE'],
    ['an output that is there', () => [sampleImage(), '-o', place('report.html')], 'is there already'],
    ['an output that is the image', () => [sampleImage(), '-o', sampleImage(), '--force'], 'is read by this run'],
    [
      'two choices',
      () => [sampleImage(), '-o', place('new.html'), '--quick', '--analyzers', 'info'],
      '--quick is a choice of analyzers',
    ],
    [
      'an analyzer that needs an option',
      () => [sampleImage(), '-o', place('new.html'), '--analyzers', 'info,extract'],
      '--analyzers: extract needs an option',
    ],
    [
      'evidence that nothing reads',
      () => [sampleImage(), '-o', place('new.html'), '--analyzers', 'info', '--evidence', evidenceFile('audit.log')],
      'none of --analyzers reads --evidence',
    ],
    [
      'evidence that is not there',
      () => [sampleImage(), '-o', place('new.html'), '--evidence', place('nowhere')],
      '--evidence:',
    ],
    [
      'an output that is evidence',
      () => [sampleImage(), '-o', evidenceFile('audit.log'), '--force', '--evidence', evidenceFile('audit.log')],
      'is read by this run',
    ],
    [
      'an unknown analyzer',
      () => [sampleImage(), '-o', place('new.html'), '--analyzers', 'infos'],
      'did you mean info?',
    ],
  ]
  test.each(cases)('%s', (_, args, message) => {
    const { code: ended, stderr } = salvor('report', ...args())
    expect(ended).toBe(2)
    expect(stderr).toContain(message)
    expect(existsSync(place('new.html'))).toBe(false)
  })
})

test('nothing half done is left', () => {
  expect(readdirSync(folder).filter((name) => name.startsWith('.salvor-'))).toEqual([])
})
