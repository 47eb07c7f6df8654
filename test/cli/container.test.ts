/** --container takes a name or the beginning of an id, on every table that knows containers. */

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'

const SALVOR = join(import.meta.dirname, '../../bin/salvor.cjs')

function processes(...options: string[]): { status: number | null; pids: number[]; stderr: string } {
  const args = [SALVOR, 'processes', sampleImage(), '--no-cache', '--format', 'ndjson', ...options]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  const rows = stdout.split('\n').filter((line) => line !== '')
  return { status, pids: rows.map((row) => JSON.parse(row).pid), stderr }
}

it('finds the processes of a container by its name and by its id alike', () => {
  const byName = processes('--container', 'corp-agent')
  expect(byName).toMatchObject({ status: 0, pids: [1126, 1749, 1761, 1786] })
  expect(processes('--container', 'b42fff917d42').pids).toEqual(byName.pids)
  expect(processes('--container', 'corp-agent', '--container', 'corp-paused').pids).toEqual([
    ...byName.pids.slice(0, 1),
    1441,
    ...byName.pids.slice(1),
  ])
})

it('says which containers there are when none has the name', () => {
  const { status, stderr } = processes('--container', 'corp-agnet')
  expect(status).toBe(2)
  expect(stderr).toMatch(/no container is called corp-agnet; there are: .*corp-agent/)
})
