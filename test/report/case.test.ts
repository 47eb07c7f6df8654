/** The report of a case: all images together, those that are chosen, and bounds. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Value } from '../../dist/src/api/columns.js'
import { savedQueries } from '../../dist/src/case/saved-queries.js'
import { CaseSource } from '../../dist/src/case/sql.js'
import { Registry } from '../../dist/src/engine/registry.js'
import { sha256Of } from '../../dist/src/file-hash.js'
import { caseReport, imagesOf } from '../../dist/src/report/case.js'
import { addImage } from '../case/made.js'
import { repository } from '../cli/run.js'
import { chromiumPath, launch, show, watched } from './browser.js'
import { readReport } from './read.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const HOSTILE = `"'><img src=x onerror="globalThis.owned=1"> evil`
const registry = Registry.builtin()
let folder: string
let place: string

function salvor(...args: string[]) {
  const options = { cwd: repository, encoding: 'utf8', maxBuffer: 1 << 28 } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/salvor.cjs', ...args, '-q'], options)
  return { code: status, stdout, stderr }
}

function report(name: string, ...args: string[]) {
  const path = join(place, name)
  const ran = salvor('report', folder, '-o', path, ...args)
  expect(ran.code, ran.stderr).toBe(0)
  return { path, ...readReport(readFileSync(path, 'utf8')) }
}

const table = (analyzer: string, rows: readonly Readonly<Record<string, Value>>[]) => {
  return { analyzer, columns: registry.get(analyzer).columns, rows }
}

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'salvor-case-report-'))
  folder = join(place, 'case')
  for (const host of ['node-1', 'node-2', HOSTILE]) {
    const processes = [
      { pid: 1, comm: 'systemd', exe: '/sbin/init', kernel_thread: false },
      ...(host === HOSTILE ? [{ pid: 7, comm: HOSTILE, exe: HOSTILE, kernel_thread: false }] : []),
    ]
    const finding = { rule: HOSTILE, title: HOSTILE, summary: `${HOSTILE} on ${host}`, pid: 7, comm: HOSTILE }
    const findings = [
      { ...finding, severity: 'low' },
      ...(host === 'node-2' ? [{ ...finding, severity: 'critical', summary: 'the worst' }] : []),
    ]
    await addImage(folder, host, [
      table('processes', processes),
      table('findings', findings),
      table('containers', [{ id: 'c', name: HOSTILE, image: HOSTILE }]),
    ])
  }
})
afterAll(() => rmSync(place, { recursive: true }))

test('it begins with all images: what each is, their findings with the image named, and what is rare', () => {
  const { head, rows } = report('whole.html')
  expect(head.images.map(({ fleet }) => fleet === true)).toEqual([true, false, false, false])
  const images = rows('images') as Record<string, Value>[]
  expect(images.map(({ hostname, critical, low }) => [hostname, critical, low])).toEqual([
    [HOSTILE, 0, 1],
    ['node-1', 0, 1],
    ['node-2', 1, 1],
  ])
  const findings = rows('findings') as Record<string, Value>[]
  expect(findings.map(({ finding_of, severity }) => [finding_of, severity])).toEqual([
    ['node-2', 'critical'],
    [HOSTILE, 'low'],
    ['node-1', 'low'],
    ['node-2', 'low'],
  ])
  const rare = rows('rare-programs') as Record<string, Value>[]
  expect(rare.map(({ exe, images: hosts }) => [exe, hosts])).toEqual([
    [HOSTILE, 1],
    ['/sbin/init', 3],
  ])
  // Tables that no image has are asked of by no query.
  expect(head.images[0]?.tables.map(({ name }) => name)).not.toContain('rare-modules')
})

test('an image is chosen by its host, its id or its file, and has its tables as they were', () => {
  const { head, rows } = report('one.html', '--image', 'node-2', '--analyzers', 'processes,findings')
  expect(head.images.map(({ name }) => name)).toEqual([folder, join(folder, 'node-2')])
  expect(head.images[1]?.files[0]?.sha256).toBe(sha256Of('node-2'))
  expect(head.images[1]?.tables.map(({ name }) => name)).toEqual(['processes', 'findings'])
  expect((rows('findings', 1) as { severity: string }[]).map(({ severity }) => severity)).toEqual(['low', 'critical'])
  const unknown = salvor('report', folder, '-o', join(place, 'no.html'), '--image', 'node-9')
  expect([unknown.code, unknown.stderr.includes('node-9')]).toEqual([2, true])
})

test('what makes no sense is told', () => {
  const words = ['report', folder, '-o', join(place, 'no.html')]
  expect(salvor(...words, folder, join(repository, 'package.json')).stderr).toContain('or of one case')
  expect(salvor(...words, '--evidence', join(repository, 'package.json')).stderr).toContain('not with a case')
  expect(salvor('report', folder, '-o', join(folder, 'case.duckdb'), '--force').stderr).toContain('is read by this run')
})

test('rows are bounded, of a table and of the whole page, and what is left out is counted', async () => {
  const { head } = report('short.html', '--limit', '1')
  const findings = head.images[0]?.tables.find(({ name }) => name === 'findings')
  expect([findings?.rows, findings?.total]).toEqual([1, 4])
  const source = await CaseSource.open(folder)
  try {
    const made = await caseReport(source, 'case', await imagesOf(source), {
      analyzers: [registry.get('processes'), registry.get('findings')],
      findings: registry.get('findings'),
      saved: savedQueries(),
      most: 100,
      room: 1,
      signal: new AbortController().signal,
      progress: () => {},
    })
    const [fleet, ...images] = made.images
    expect(fleet?.tables[0]?.head.rows).toBe(3)
    const rest = images.flatMap(({ tables }) => tables.map(({ head: { rows, total } }) => [rows, total > 0]))
    expect(rest).toEqual(Array(6).fill([0, true]))
    expect(made.left).toBeGreaterThanOrEqual(6)
  } finally {
    source.close()
  }
})

describe('in a browser', () => {
  const path = chromiumPath()

  test('names what is hostile as text, and leads from an image of the case to the image', async ({ skip }) => {
    if (path === undefined) return skip('there is no chromium: apt-get install chromium')
    const browser = await launch(path)
    try {
      const { page, troubles } = await watched(browser)
      const file = report('browser.html').path
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        for (const view of [
          '',
          '#view=findings&row=0',
          '#view=tables&table=images',
          '#view=timeline',
          '#view=connections',
        ]) {
          await show(page, file, view)
          expect(await page.evaluate('globalThis.owned'), view).toBeUndefined()
          expect(await page.locator('img').count(), view).toBe(0)
        }
      }
      await show(page, file)
      expect(await page.locator('main h2').allInnerTexts()).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^Findings/),
          expect.stringMatching(/^Images/),
          expect.stringMatching(/^rare programs/),
        ]),
      )
      await page.locator('main .link', { hasText: 'node-2' }).first().click()
      await page.locator('.whose', { hasText: 'node-2' }).waitFor()
      expect(await page.evaluate("document.querySelector('select.images').selectedIndex")).toBe(3)
      await page.setViewportSize({ width: 420, height: 800 })
      await show(page, file)
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(420)
      expect((await page.pdf()).length).toBeGreaterThan(10_000)
      expect(troubles).toEqual([])
    } finally {
      await browser.close()
    }
  })
})
