/** What analyzers of the tests find in physical memory, against a search of the file by itself. */

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fixture } from '../cli/run.js'
import { cacheHome, SALVOR, samples } from './images.js'

const LIME_HEADER = 32
const PATTERNS = ['Linux version ', 'containerd', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]), 'version']

/** Every place of some patterns in a LiME file: physical address and which, ascending. */
function places(path: string, patterns: readonly (string | Buffer)[]): [bigint, number][] {
  const bytes = readFileSync(path)
  const found: [bigint, number][] = []
  for (let header = 0; header < bytes.length; ) {
    const [start, last] = [bytes.readBigUInt64LE(header + 8), bytes.readBigUInt64LE(header + 16)]
    const memory = bytes.subarray(header + LIME_HEADER, header + LIME_HEADER + Number(last - start) + 1)
    for (const [which, pattern] of patterns.entries()) {
      for (let at = memory.indexOf(pattern); at >= 0; at = memory.indexOf(pattern, at + 1)) {
        found.push([start + BigInt(at), which])
      }
    }
    header += LIME_HEADER + Number(last - start) + 1
  }
  return found.sort(([left, a], [right, b]) => (left < right ? -1 : left > right ? 1 : a - b))
}

function run(...args: string[]): { code: number | null; rows: Record<string, unknown>[]; stderr: string } {
  const options = ['--plugin', fixture('found.mjs'), '--format', 'ndjson']
  const { status, stdout, stderr } = spawnSync(process.execPath, [SALVOR, ...args, ...options], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    env: { ...process.env, XDG_CACHE_HOME: cacheHome() },
  })
  const lines = stdout.split('\n').filter((line) => line !== '')
  return { code: status, rows: lines.map((line) => JSON.parse(line) as Record<string, unknown>), stderr }
}

for (const image of samples()) {
  describe(image.title, () => {
    const truth = places(image.as('lime'), PATTERNS)

    it('has fixed strings found where they stand, in every format and with other scans beside them', () => {
      expect(truth.filter(([, which]) => which === 0).length).toBeGreaterThan(0)
      for (const format of image.formats) {
        const { rows, code, stderr } = run('markers', image.as(format), '--threads', '2')
        expect([code, rows.map(({ physical, what }) => [BigInt(physical as string), Number(what)])]).toEqual([0, truth])
        expect(stderr).toMatch(/\d+ tasks/)
      }
    })

    it('is searched for what an analyzer is told, and not for what it is not', () => {
      const version = truth.filter(([, which]) => which === 0).length
      expect(run('asking', image.as('lime')).rows).toEqual([{ version, nothing: 0 }])
    })

    it('is searched once for all who ask, who find what they find alone', () => {
      const alone = run('run', 'markers', image.as('lime')).rows
      const { rows } = run('run', 'told', 'markers', 'process-scan', 'asking', image.as('lime'))
      expect(rows.filter(({ table }) => table === 'markers')).toEqual(alone.filter(({ table }) => table === 'markers'))
      expect(rows.some(({ table }) => table === 'process-scan')).toBe(true)
    })

    it('gives no more places than are kept, and says so', () => {
      const { rows, code, stderr } = run('zeros', image.as('lime'))
      expect(rows).toEqual([{ places: 1 << 18 }])
      expect([code, stderr]).toEqual([6, expect.stringMatching(/more than \d+ hits|more hits in a chunk/)])
    })
  })
}
