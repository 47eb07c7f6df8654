/**
 * How long a report takes in Chromium: `npm run bench:report [ROWS]`.
 *
 * A report of made-up tables, `files`, `timeline` and `sockets` with 100,000 rows each and 2,000 processes, is opened from
 * a file: the first view, then each table by its own address until its rows are there, then a sort and a filter of it.
 * Results go to bench/results/report-<time>.json.
 */

import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { Column, Value } from '../dist/src/api/columns.js'
import { Registry } from '../dist/src/engine/registry.js'
import { reportHtml } from '../dist/src/report/html.js'
import { packTable } from '../dist/src/report/pack.js'
import { chromiumPath, launch, show, watched } from '../test/report/browser.js'
import { ROOT, seconds } from './measure.js'

const ROWS = Number(process.argv[2] ?? 100_000)
const PROCESSES = 2000
const LARGE = ['files', 'timeline', 'sockets']

const TEXTS: Readonly<Record<string, (row: number) => Value>> = {
  path: (row) => `/usr/share/doc/package-${row % 977}/changelog-${row}.gz`,
  subject: (row) => `/var/lib/data/${row % 4999}/segment-${row}`,
  event: (row) => ['file written', 'file read', 'process started'][row % 3] ?? null,
  container: (row) => (row % 3 === 0 ? `${row % 40}`.padStart(64, 'a') : null),
  container_name: (row) => (row % 3 === 0 ? `container-${row % 40}` : null),
  comm: (row) => `worker-${row % 211}`,
}

function made(name: string, { type }: Column, row: number): Value {
  if (name in TEXTS) return TEXTS[name]?.(row) ?? null
  if (name === 'pid') return row % PROCESSES
  if (name === 'ppid') return Math.floor((row % PROCESSES) / 7)
  if (type === 'time') return new Date(Date.UTC(2026, 0, 1) + row * 977).toISOString()
  if (type === 'address') return 0xffff_8880_0000_0000n + BigInt(row) * 192n
  if (type === 'flag') return row % 5 === 0
  if (type === 'list') return [`item-${row % 7}`, 'more']
  if (type === 'record') return { at: row % 100 }
  return type === 'text' ? `${name}-${row % 300}` : (row * 7919) % 1_000_003
}

async function report(): Promise<string> {
  const registry = Registry.builtin()
  const sizes = [...LARGE.map((name) => [name, ROWS] as const), ['processes', PROCESSES] as const]
  const tables = []
  for (const [name, length] of sizes) {
    const analyzer = registry.get(name)
    const columns = Object.fromEntries(
      Object.entries(analyzer.columns).map(([column, declared]) => [
        column,
        Array.from({ length }, (_, row) => made(column, declared, row)),
      ]),
    )
    tables.push(await packTable({ analyzer, length, columns, warnings: [] }, length))
  }
  let html = ''
  const image = { name: 'made-up', files: [], warnings: [], tables }
  for await (const piece of reportHtml([image], { version: 'bench', made: new Date().toISOString() })) html += piece
  return html
}

async function timed(step: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await step()
  return (performance.now() - begun) / 1000
}

async function opened(page: Page, file: string, place: string, wanted: string): Promise<void> {
  await page.goto('about:blank')
  await show(page, file, place)
  await page.waitForSelector(wanted)
}

const path = chromiumPath()
if (path === undefined) throw new Error('there is no chromium: apt-get install chromium')
const folder = mkdtempSync(join(tmpdir(), 'salvor-bench-'))
const browser = await launch(path)
try {
  const file = join(folder, 'report.html')
  writeFileSync(file, await report())
  const { page, troubles } = await watched(browser)
  const results: Record<string, number> = { megabytes: statSync(file).size / 1e6 }
  await opened(page, file, '', '.overview-view')
  results['first view'] = await timed(() => opened(page, file, '', '.overview-view'))
  for (const name of LARGE) {
    results[`${name}, ${ROWS} rows`] = await timed(() => opened(page, file, `#view=tables&table=${name}`, '.grid-row'))
  }
  results['timeline, lanes'] = await timed(() => opened(page, file, '#view=timeline', '.timeline-rows .grid-row'))
  await opened(page, file, '#view=tables&table=files', '.grid-row')
  const sort = page.locator('.grid-head .cell', { hasText: 'size' }).first()
  results.sort = await timed(async () => {
    await sort.click()
    await page.waitForSelector('[aria-sort=ascending]')
  })
  results.filter = await timed(async () => {
    await page.locator('main .filter').fill('changelog-99')
    await page.locator('.table-main .count', { hasText: ' of ' }).waitFor()
  })
  results['scroll to the end'] = await timed(async () => {
    await page.locator('main .filter').fill('')
    await page.locator('.grid').press('Control+End')
  })
  if (troubles.length > 0) throw new Error(troubles.join('\n'))
  for (const [name, value] of Object.entries(results)) process.stdout.write(`${seconds(value)}  ${name}\n`)
  mkdirSync(join(ROOT, 'bench', 'results'), { recursive: true })
  const time = new Date().toISOString().replaceAll(':', '-')
  writeFileSync(join(ROOT, 'bench', 'results', `report-${time}.json`), JSON.stringify(results, null, 1))
} finally {
  await browser.close()
  rmSync(folder, { recursive: true })
}
