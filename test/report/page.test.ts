/** A report in a real browser: views, keyboard, and fields that are all hostile. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Column, Value } from '../../dist/src/api/columns.js'
import { Registry } from '../../dist/src/engine/registry.js'
import { reportHtml } from '../../dist/src/report/html.js'
import { packTable } from '../../dist/src/report/pack.js'
import { sampleImage } from '../../dist/src/sample.js'
import { repository } from '../cli/run.js'
import { chromiumPath, launch, show, watched } from './browser.js'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 180_000 })

const path = chromiumPath()
let browser: Browser
let folder: string

beforeAll(async () => {
  if (path === undefined) return
  folder = mkdtempSync(join(tmpdir(), 'salvor-page-'))
  const args = ['bin/salvor.cjs', 'report', sampleImage(), '-o', join(folder, 'report.html'), '-q', '--no-hash']
  spawnSync(process.execPath, args, { cwd: repository })
  browser = await launch(path)
})
afterAll(async () => {
  if (path === undefined) return
  await browser.close()
  rmSync(folder, { recursive: true })
})
beforeEach(({ skip }) => skip(path === undefined, 'there is no chromium: apt-get install chromium'))

const active = (page: Page, selector: string): Promise<string> => page.locator(`${selector} [data-active]`).innerText()

describe('of the sample', () => {
  let page: Page
  let troubles: string[]
  beforeEach(async () => {
    if (path === undefined) return
    ;({ page, troubles } = await watched(browser))
  })

  test('every view is shown without an error, in light and dark, on paper and on a narrow screen', async () => {
    const file = join(folder, 'report.html')
    const places = [
      '',
      '#view=findings&row=0',
      '#view=timeline',
      '#view=connections',
      '#view=tables',
      '#view=search&query=bash',
    ]
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      for (const place of places) {
        await show(page, file, place)
        // A search has its rows a moment later.
        await expect
          .poll(async () => (await page.locator('main').innerText()).length, { message: place })
          .toBeGreaterThan(100)
      }
    }
    await page.setViewportSize({ width: 420, height: 800 })
    await show(page, file)
    // Nothing but tables is wider than the screen.
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(420)
    await page.setViewportSize({ width: 1440, height: 900 })
    expect((await page.pdf()).length).toBeGreaterThan(20_000)
    expect(troubles).toEqual([])
  })

  test('a finding leads to the rows it rests on, and a row to its findings', async () => {
    await show(page, join(folder, 'report.html'), '#view=findings&row=0')
    await page.locator('.finding-body .evidence button').first().click()
    await page.waitForSelector('.panel .facts')
    expect(await page.locator('.panel-findings button').count()).toBeGreaterThan(0)
    await page.locator('.panel-findings button').first().click()
    await page.waitForSelector('.finding-body')
    expect(troubles).toEqual([])
  })

  test('the tree goes by keyboard, and what it selects is all that is shown', async () => {
    await show(page, join(folder, 'report.html'), '#view=tables&table=processes')
    await page.keyboard.press('t')
    await page.keyboard.press('Home')
    await page.keyboard.press('ArrowDown')
    const name = await active(page, '#tree')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.scope strong')
    expect(name).toContain(await page.locator('.scope strong').innerText())
    const count = await page.locator('.table-main .count').innerText()
    expect(count).toMatch(/^\d+ of \d+ rows$/)
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    expect(await active(page, '#tree')).not.toBe(name)
    await page.keyboard.press('ArrowLeft')
    expect(await active(page, '#tree')).toBe(name)
    await page.keyboard.press('Escape')
    await page.waitForSelector('.scope strong', { state: 'detached' })
    expect(troubles).toEqual([])
  })

  test('a table goes by keyboard: cells, order, the panel of a row, the filter', async () => {
    await show(page, join(folder, 'report.html'), '#view=tables&table=processes')
    await page.locator('.grid').focus()
    expect(await active(page, '.grid')).toBe('1')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    expect(await active(page, '.grid')).toBe('systemd')
    await page.keyboard.press('End')
    await page.keyboard.press('Home')
    await page.keyboard.press('s')
    await page.keyboard.press('s')
    expect(await page.locator('[aria-sort=descending]').innerText()).toContain('pid')
    const last = await active(page, '.grid')
    expect(Number(last)).toBeGreaterThan(1000)
    await page.keyboard.press('Enter')
    await page.waitForSelector('.panel')
    expect(await page.locator('.panel .facts').innerText()).toContain(last)
    await page.keyboard.press('Escape')
    await page.waitForSelector('.panel', { state: 'detached' })
    await page.locator('.grid').focus()
    await page.keyboard.press('f')
    await page.keyboard.type('comm:systemd')
    await expect.poll(() => page.locator('.table-main .count').innerText()).toContain(' of ')
    await page.keyboard.press('ArrowDown')
    expect(await page.locator('.grid:focus').count()).toBe(1)
    expect(troubles).toEqual([])
  })

  test('a slash begins a search over all tables', async () => {
    await show(page, join(folder, 'report.html'))
    await page.keyboard.press('/')
    await page.keyboard.type('systemd')
    await page.keyboard.press('Enter')
    const status = page.locator('.search-view [role=status]')
    await expect.poll(() => status.innerText(), { timeout: 20_000 }).toMatch(/rows in \d+ tables$/)
    expect(await page.locator('.results section').count()).toBeGreaterThan(2)
    await page.goBack()
    await page.waitForSelector('.overview-view')
    expect(troubles).toEqual([])
  })
})

/** Runs a script, leaves its place, or changes what is beside it, where anything takes it for more than text. */
const HOSTILE = [
  '</script><script>globalThis.owned=1;alert(1)</script>',
  '<img src=x onerror="globalThis.owned=1;alert(2)">',
  '"><svg onload=alert(3)>',
  'javascript:alert(4)',
  '\u202eevil\u2066\u0000\u001b[31m\u2028',
].join(' ')

function hostile({ type }: Column, row: number): Value {
  switch (type) {
    case 'integer':
    case 'count':
    case 'bytes':
      return row
    case 'address':
      return BigInt(row)
    case 'flag':
      return row % 2 === 0
    case 'list':
      return [HOSTILE, `${HOSTILE}${row}`]
    case 'record':
      return [{ [HOSTILE]: HOSTILE, table: HOSTILE, key: { [HOSTILE]: HOSTILE } }]
    case 'artifact':
      return { file: HOSTILE, bytes: 1, sha256: '0'.repeat(64) }
    default:
      return row % 2 === 0 ? HOSTILE : `${HOSTILE} ${row}`
  }
}

/** A report of every analyzer there is, with hostile text wherever a text can be. */
async function hostileReport(): Promise<string> {
  const length = 4
  const tables = await Promise.all(
    Registry.builtin()
      .list()
      .map((analyzer) => {
        const columns = Object.fromEntries(
          Object.entries(analyzer.columns).map(([name, column]) => [
            name,
            Array.from({ length }, (_, row) => hostile(column, row)),
          ]),
        )
        const warnings = [{ code: HOSTILE, message: HOSTILE, analyzer: HOSTILE, column: HOSTILE, address: HOSTILE }]
        return packTable({ analyzer, length, columns, warnings, failed: HOSTILE }, 100)
      }),
  )
  const files = [{ path: HOSTILE, bytes: 1, sha256: HOSTILE }]
  const image = { name: HOSTILE, files, warnings: [{ code: HOSTILE, message: HOSTILE }], tables }
  let html = ''
  for await (const piece of reportHtml([image, image], { version: HOSTILE, made: HOSTILE })) html += piece
  return html
}

test('no hostile text is more than text, in any view', async () => {
  const { page, troubles } = await watched(browser)
  const file = join(folder, 'hostile.html')
  writeFileSync(file, await hostileReport())
  const names = ['processes', 'containers', 'findings', 'sockets', 'secrets', 'timeline']
  const places = [
    '',
    '#view=findings&row=0',
    '#view=findings&row=1',
    '#view=timeline',
    '#view=connections',
    `#view=search&query=${encodeURIComponent('evil')}`,
    `#view=search&query=${encodeURIComponent(HOSTILE)}`,
    `#scope=${encodeURIComponent(`container ${HOSTILE}`)}&view=connections`,
    ...names.map((name) => `#view=tables&table=${name}&row=1`),
  ]
  for (const place of places) {
    await show(page, file, place)
    await page.waitForTimeout(150)
    expect(await page.evaluate('globalThis.owned'), place).toBeUndefined()
    // Elements with data are the report's own; no others came to be.
    expect(await page.locator('img, iframe, object, embed, a[href], link, base').count(), place).toBe(0)
    expect(await page.locator('script:not([type])').count(), place).toBe(1)
    const text = (await page.evaluate('document.body.innerText + document.title')) as string
    expect(/.{0,40}[\p{Cf}\p{Zl}\p{Zp}]/u.exec(text)?.[0], place).toBeUndefined()
    expect(text.includes('\u001b') || text.includes('\u0000'), place).toBe(false)
    expect(text, place).toContain('\\u202eevil')
  }
  expect((await page.pdf()).length).toBeGreaterThan(10_000)
  expect(troubles).toEqual([])
})
