/** A dump that `makedumpfile --split` wrote: every part leads to the whole, and all of them are evidence. */

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { splitDump } from '../truth/formats.js'
import type { Pages } from '../truth/packed.js'

const SALVOR = join(import.meta.dirname, '../../bin/salvor.cjs')

/** The kernel lies in the second part; the last has a few pages of the sample. */
const claims: Record<string, Pages> = {
  'part-b': [0, 100_000],
  'part-a': [100_000, 196_500],
  'part-c': [196_500, 196_565],
}
const names = Object.keys(claims)

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-split-'))
  splitDump(
    sampleImage(),
    Object.entries(claims).map(([name, claim]) => ({ to: join(folder, name), claim })),
  )
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
})

function shell(line: string) {
  const env = { ...process.env, salvor: `${process.execPath} ${SALVOR}` }
  const run = spawnSync('sh', ['-c', line], { cwd: folder, encoding: 'utf8', env, timeout: 60_000 })
  return { status: run.status, stdout: run.stdout, lines: run.stderr.split('\n').filter((line) => line !== '') }
}

describe('a split dump', () => {
  it('is one image, whichever part is named', () => {
    const whole = shell(`$salvor processes ${sampleImage()} -f ndjson -q`)
    expect(whole.stdout.split('\n').length).toBeGreaterThan(50)
    for (const name of names) {
      expect(shell(`$salvor processes ${name} -f ndjson -q`)).toEqual(whole)
    }
    const [info] = JSON.parse(shell('$salvor info part-a -f json').stdout).rows
    expect(info).toMatchObject({ format: 'kdump', files: names.toSorted() })
    expect(info.size).toBe(names.reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0))
  })

  it('of which a part is missing is a partial result that says which', () => {
    rmSync(join(folder, 'part-c'))
    const run = shell('$salvor processes part-a -f ndjson -q')
    expect(run.status).toBe(5)
    expect(run.lines).toContainEqual(
      'warning: truncated: of this dump, which was split, the part with pages 196500 to 196564 is not beside the file: ' +
        'memory from physical 0x2ff94000 up to 0x2ffd5000 is missing',
    )
  })

  it('of which a part is there twice says so', () => {
    copyFileSync(join(folder, 'part-c'), join(folder, 'part-c.copy'))
    const run = shell('$salvor info part-a -f ndjson -q')
    expect(run.status).toBe(5)
    expect(run.lines).toContainEqual(expect.stringContaining('overlapping parts: part-c.copy: physical 0x2ff94000'))
  })

  it.each([
    'processes part-a -o part-b --force',
    'run info processes part-c -f json -o part-b --force',
    'distill part-a -o ./part-b --force',
    'processes part-a >> part-b',
  ])('is never written over: %s', (args) => {
    const before = names.map((name) => readFileSync(join(folder, name)))
    expect(shell(`$salvor ${args}`)).toMatchObject({
      status: 2,
      lines: [expect.stringMatching(/^salvor: .*part-b.* read by this run: write to another file$/)],
    })
    expect(names.every((name, index) => readFileSync(join(folder, name)).equals(before[index] as Buffer))).toBe(true)
  })
})
