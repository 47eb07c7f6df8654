/** Stacks of tasks that were preempted within an arm64 kernel of today, against /proc/PID/stack (scripts/kernels/preempted.mjs). */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runAnalyzer } from 'salvor/testing'
import { describe, expect, it } from 'vitest'
import kernelStacks from '../../dist/plugins/processes/kernel-stacks.js'
import { sampleImage } from '../../dist/src/sample.js'
import { repository } from '../cli/run.js'

const NAME = 'preempted-arm64'
const told = readFileSync(join(repository, 'test/samples', NAME, 'stacks.txt'), 'utf8')
const stacks = [...told.matchAll(/^STACK (\d+)\n((?:\[<0>\] .*\n)+)END$/gm)].map(([, pid, lines = '']) => ({
  pid: Number(pid),
  symbols: [...lines.matchAll(/^\[<0>\] (\S+)\/0x[0-9a-f]+$/gm)].map(([, symbol]) => symbol),
}))

describe('an arm64 kernel whose tasks were preempted within it', async () => {
  const { rows, warnings } = await runAnalyzer(kernelStacks, { path: sampleImage(NAME) })
  const framesOf = (tid: number) => rows.filter((row) => row.tid === tid)

  it.each(stacks)('has the stack of $pid through all exceptions to user mode', ({ pid, symbols }) => {
    expect(framesOf(pid).map(({ symbol }) => symbol)).toEqual(symbols)
    expect(framesOf(pid).every(({ found }) => found === 'frame pointer')).toBe(true)
  })

  it('has stacks that lead through exceptions', () => {
    const entries = stacks.map(({ symbols }) => symbols.filter((symbol) => symbol?.startsWith('el1h_64_')).length)
    expect(stacks).toHaveLength(4)
    expect(entries.filter((count) => count > 0).length).toBeGreaterThan(2)
  })

  it('has every other stack up to where it begins', () => {
    const last = new Map(rows.map(({ tid, symbol, found }) => [tid, { symbol, found }]))
    const ends = [...last.values()].filter(({ found }) => found !== 'running').map(({ symbol }) => String(symbol))
    expect(ends.length).toBeGreaterThan(50)
    expect(ends.filter((end) => !/^(ret_from_fork|el0t_64_sync)\+/.test(end))).toEqual([])
    expect(warnings.filter(({ code }) => code === 'torn' || code === 'unreadable')).toEqual([])
  })
})
