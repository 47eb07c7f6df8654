/** What a person sees: the same commands on a terminal, which only `script` can give a test. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'

const SALVOR = join(import.meta.dirname, '../../bin/salvor.cjs')
const hasScript = spawnSync('script', ['--version']).status === 0

/** An analyzer that takes longer than a run may without a bar. */
const SLOW = `import { defineAnalyzer, text } from 'salvor'
export default defineAnalyzer({
  name: 'slow', area: 'own', summary: 'Takes its time', columns: { done: text('What was done') },
  async *run({ progress }) {
    for (let step = 0; step < 20; step++) {
      progress(step, 20)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    yield { done: 'all of it' }
  },
})
`

/** Runs salvor on a terminal of a given width; what it wrote to both streams comes back as one text. */
function onTerminal(
  columns: number,
  args: string[],
  env: NodeJS.ProcessEnv = {},
): { status: number | null; text: string } {
  const command = [process.execPath, SALVOR, ...args].map((word) => `'${word}'`).join(' ')
  const { status, stdout } = spawnSync('script', ['-qec', `stty cols ${columns}; ${command}`, '/dev/null'], {
    encoding: 'utf8',
    env: { ...process.env, TERM: 'xterm', ...env },
  })
  return { status, text: stdout }
}

describe('on a terminal', () => {
  beforeEach(({ skip }) => skip(!hasScript, 'script(1), which makes a terminal, is not installed'))

  it('shows progress of what takes long, and the table after it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'salvor-slow-'))
    try {
      const plugin = join(folder, 'slow.ts')
      writeFileSync(plugin, SLOW)
      const { status, text } = onTerminal(160, ['slow', sampleImage(), '--no-cache', '--plugin', plugin])
      expect(text).toMatch(/slow \[.*\d+%/)
      expect(text).toMatch(/all of it/)
      expect(text).not.toMatch(/\n\s+at /)
      expect(status).toBe(0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('keeps within its width, and says which columns it left out', () => {
    const { status, text } = onTerminal(100, ['containers', sampleImage(), '--no-cache'], { NO_COLOR: '1' })
    const lines = text.split(/\r?\n/).filter((line) => /^[0-9a-f]{8}/.test(line))
    expect(lines.length).toBe(10)
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100)
    expect(text).toMatch(/columns do not fit/)
    expect(status).toBe(0)
  })

  it('colours unless NO_COLOR says not to', () => {
    const start = String.fromCharCode(27)
    expect(onTerminal(160, ['info', sampleImage(), '--quiet']).text).toContain(`${start}[`)
    expect(onTerminal(160, ['info', sampleImage(), '--quiet'], { NO_COLOR: '1' }).text).not.toContain(`${start}[`)
  })
})
