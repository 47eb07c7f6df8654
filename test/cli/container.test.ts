/** --container takes an id, a name or the beginning of either, on every table that knows containers. */

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'

const SALVOR = join(import.meta.dirname, '../../bin/salvor.cjs')

function rowsOf(table: string, ...options: string[]): { status: number | null; rows: object[]; stderr: string } {
  const args = [SALVOR, table, sampleImage(), '--no-cache', '--format', 'ndjson', ...options]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return { status, rows: stdout.split('\n').flatMap((line) => (line === '' ? [] : JSON.parse(line))), stderr }
}

function processes(...options: string[]): { status: number | null; pids: number[]; stderr: string } {
  const { status, rows, stderr } = rowsOf('processes', ...options)
  return { status, pids: rows.map((row) => (row as { pid: number }).pid), stderr }
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

it.each([[['contained']], [['run', 'contained', 'containers']]])(
  'names them in the rows of %j on one thread, which has to find the names as well',
  (words) => {
    const plugin = join(import.meta.dirname, '../fixtures/slow.mjs')
    const options = ['--no-cache', '-q', '--threads', '1', '--plugin', plugin]
    const args = [SALVOR, ...words, sampleImage(), ...options]
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
    expect(status).toBe(0)
    expect(stdout.match(/^ *\d+ {2}b42fff917d42 {2}corp-agent$/gm)).toHaveLength(20_000)
  },
)

it('says which containers there are when none has the name', () => {
  const { status, stderr } = processes('--container', 'corp-agnet')
  expect(status).toBe(2)
  expect(stderr).toMatch(/no container is called corp-agnet; there are: .*corp-agent/)
})

it('finds them by the beginning of the name, and a list of them', () => {
  const both = processes('--container', 'corp-agent', '--container', 'corp-batch').pids
  expect(processes('--container', 'corp-agent,corp-batch').pids).toEqual(both)
  expect(processes('--container', 'corp-a', '--container', 'corp-b').pids).toEqual(both)
  expect(both.length).toBeGreaterThan(processes('--container', 'corp-agent').pids.length)
})

it.each(['containers', 'processes', 'threads', 'process-scan', 'namespaces', 'cgroups'])(
  'means the same in %s, by name and by id, and says when no row matches',
  (table) => {
    const byName = rowsOf(table, '--container', 'corp-agent')
    expect(byName.rows.length).toBeGreaterThan(0)
    expect(rowsOf(table, '--container', 'b42f').rows).toEqual(byName.rows)
    const none = rowsOf(table, '--container', 'beef')
    expect(none.rows).toEqual([])
    expect(none.stderr).toMatch(
      new RegExp(`^note: ${table}: 0 of [1-9]\\d* rows match --container beef; there are: corp-agent, `, 'm'),
    )
  },
)
