/**
 * A kernel that was built with next to nothing that may be left out, its structs shuffled (CONFIG_RANDSTRUCT_FULL) and with
 * symbols of functions alone: tables of a sample of it against what its guest recorded. Made by
 * `npm run kernels -- shuffled --keep` and `salvor distill`.
 */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { repository } from '../cli/run.js'
import { cacheHome, SALVOR, type Table } from './images.js'

const NAME = 'small-debian13'
/** What follows from the first task alone. */
const EXACT = [
  ...['cgroups', 'containers', 'credentials', 'environment', 'libraries', 'namespaces', 'open-files', 'ptrace'],
  ...['routes', 'working-directories'],
]
/** What lacks rows or cells to which variables lead, and says so. */
const PARTIAL = ['processes', 'threads', 'memory-maps', 'mounts', 'interfaces', 'sockets', 'modules', 'kernel-threads']
/** What has nothing here, and must come all the same. */
const EMPTY = ['bpf-programs', 'network-programs', 'firewall', 'ipset']

interface Cell {
  text: string
  lines: string[]
}

const folder = mkdtempSync(join(tmpdir(), 'salvor-small-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** All tables in one run, which says of each that symbols are lacking. */
function tables(): Table[] {
  const names = ['info', ...EXACT, ...PARTIAL, ...EMPTY]
  const args = [SALVOR, 'run', ...names, sampleImage(NAME), '--format', 'json', '--quiet']
  const env = { ...process.env, XDG_CACHE_HOME: cacheHome() }
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 28, env })
  if (status !== 5) throw new Error(`ended with ${status}, and not as partial tables do: ${stderr}`)
  return JSON.parse(stdout) as Table[]
}

/** What `npm run kernels` says of them; its scripts are no part of what is compiled, so they run by themselves. */
function held(found: readonly Table[]): Record<string, Cell> {
  const [record, rows] = [join(folder, 'record'), join(folder, 'tables.json')]
  writeFileSync(record, gunzipSync(readFileSync(join(repository, 'test/samples', NAME, 'record.gz'))))
  writeFileSync(rows, JSON.stringify(found))
  const from = (name: string) => JSON.stringify(pathToFileURL(join(repository, 'scripts/kernels', name)).href)
  const script = `
    const { readFileSync } = await import('node:fs')
    const { Record } = await import(${from('record.mjs')})
    const { quietCells } = await import(${from('matrix.mjs')})
    const tables = JSON.parse(readFileSync(${JSON.stringify(rows)}, 'utf8'))
    const named = new Map(tables.map((table) => [table.table, table]))
    console.log(JSON.stringify(quietCells(Record.read(${JSON.stringify(record)}), named)))`
  const args = ['--input-type=module', '--eval', script]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as Record<string, Cell>
}

describe('a kernel with shuffled structs and symbols of functions alone', () => {
  const found = tables()
  const cells = held(found)
  const tableOf = (name: string) => found.find(({ table }) => table === name)

  it('is found by its structures', () => {
    expect(tableOf('info')?.rows).toMatchObject([{ symbols_from: 'kallsyms and structures', types_from: 'btf' }])
  })

  it.each(EXACT)('%s are what the guest recorded', (name) => {
    expect(cells[name]?.text).toBe('exact, doubts')
  })

  it.each(PARTIAL)('%s lack something, which is said, and are right in the rest', (name) => {
    expect(cells[name]?.text).toMatch(/^partial -\d+, doubts$/)
  })

  it.each(EMPTY)('%s come without what other kernels have', (name) => {
    expect(tableOf(name)?.rows).toEqual([])
    expect(
      tableOf(name)
        ?.warnings.map(({ message }) => message)
        .join('\n'),
    ).toContain('CONFIG_KALLSYMS_ALL')
  })
})
