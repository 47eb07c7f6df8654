import { expect, test } from 'vitest'
import { fixture, start } from './run.js'

test('a table of a million rows is written in 48 MiB of heap', async () => {
  const { child, ended } = start(['million', 'x', '-q', '--plugin', fixture('slow.mjs')], {
    env: { NODE_OPTIONS: '--max-old-space-size=48' },
  })
  let lines = 0
  child.stdout?.on('data', (text: string) => {
    lines += text.split('\n').length - 1
  })
  expect((await ended).code).toBe(0)
  expect(lines).toBe(1_000_001)
})
