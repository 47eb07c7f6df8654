/** Chromium, where the system has it. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'

// The benchmark runs by a loader that would compile it anew, and fails to.
const { chromium } = createRequire(import.meta.url)('playwright-core') as typeof import('playwright-core')

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** The browser's path, or undefined. */
export function chromiumPath(): string | undefined {
  return PATHS.find((path) => existsSync(path) && spawnSync(path, ['--version']).status === 0)
}

export function launch(executablePath: string): Promise<Browser> {
  // Its sandbox is not for root, as whom containers run tests.
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
}

/** A page that remembers what went wrong in it, and what it asked of any network. */
export async function watched(browser: Browser): Promise<{ page: Page; troubles: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  const troubles: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) troubles.push(message.text())
  })
  page.on('pageerror', (error) => troubles.push(String(error)))
  page.on('dialog', (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    if (!request.url().startsWith('file:')) troubles.push(`request: ${request.url()}`)
  })
  return { page, troubles }
}

/** Opens a report, or another place in it, and waits until it is shown. */
export async function show(page: Page, path: string, place = ''): Promise<void> {
  await page.goto(`file://${path}${place}`)
  await page.waitForSelector('body[data-ready]')
}
