/** The comparer of `npm run kernels` on a record of two processes, as a guest writes it. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { repository } from '../cli/run.js'

const folder = mkdtempSync(join(tmpdir(), 'salvor-kernels-'))
afterAll(() => rmSync(folder, { recursive: true }))

const frame = (name: string, text: string) => `${name} ${Buffer.byteLength(text)}\n${text}`
const stat = (pid: number, comm: string, ppid: number) =>
  `${pid} (${comm}) S ${ppid} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77`

function processFrames(pid: number, comm: string, ppid: number): string[] {
  const status = [`Name:\t${comm}`, `Tgid:\t${pid}`, `PPid:\t${ppid}`, 'TracerPid:\t0', `NSpid:\t${pid}`, 'Threads:\t1']
  return [
    frame(`${pid}/stat`, stat(pid, comm, ppid)),
    frame(`${pid}/status`, `${status.join('\n')}\n`),
    frame(`${pid}/comm`, `${comm}\n`),
    frame(`${pid}/maps`, '00400000-00401000 r-xp 00000000 00:15 42                 /bin/a\\040b\n'),
  ]
}

const record = [
  frame('recorder', '9'),
  frame('stat', 'btime 1000\n'),
  ...processFrames(1, 'init', 0),
  ...processFrames(7, 'odd ) name', 1),
  ...processFrames(9, 'guest', 1),
  frame('end', ''),
].join('')

const mapping = (pid: number, comm: string) => ({
  pid,
  comm,
  container: null,
  start: '0x400000',
  end: '0x401000',
  permissions: 'r-xp',
  offset: 0,
  device: '0:21',
  inode: 42,
  path: '/bin/a b',
})
const right = [mapping(1, 'init'), mapping(7, 'odd ) name')]

const from = (name: string) => JSON.stringify(pathToFileURL(join(repository, 'scripts/kernels', name)).href)

/** What a script prints. */
function evaluated(script: string): unknown {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

/** What the comparer says of rows of memory-maps; the script is no part of what is compiled, so it runs by itself. */
function compared(rows: object[], bytes = record): { wrong: string[]; lost: string[]; text: string; silent: string } {
  const path = join(folder, 'record')
  writeFileSync(path, bytes)
  return evaluated(`
    const { Record } = await import(${from('record.mjs')})
    const { compare, verdict } = await import(${from('compare.mjs')})
    const { TABLES } = await import(${from('tables/index.mjs')})
    const found = compare(TABLES['memory-maps'](Record.read(${JSON.stringify(path)}), {}), ${JSON.stringify(rows)})
    const text = verdict(found, [{ code: 'unreadable' }])
    console.log(JSON.stringify({ ...found, text, silent: verdict(found, []) }))`) as ReturnType<typeof compared>
}

test('calls rows exact that are the record, without the recorder', () => {
  expect(compared(right)).toMatchObject({ rows: 2, cells: 20, wrong: [], lost: [], text: 'exact' })
})

test('calls a differing cell, and a row of no record, wrong', () => {
  const [first, second] = right
  const { wrong, text } = compared([{ ...first, permissions: 'rwxp' }, { ...second }, mapping(8, 'invented')])
  expect(wrong).toEqual(['[1,"0x400000"] permissions: "rwxp", and not "r-xp"', '[8,"0x400000"] is in no record'])
  expect(text).toBe('wrong 2')
})

test('calls what is missing or null partial where that is said, and lost where it is not', () => {
  const found = compared([{ ...right[0], path: null }])
  expect(found.lost).toEqual(['[1,"0x400000"] path: null, and not "/bin/a b"', '[7,"0x400000"] is missing'])
  expect([found.text, found.silent]).toEqual(['partial -2', 'lost 2'])
})

test('refuses a record that is cut off', () => {
  expect(() => compared(right, record.slice(0, -4))).toThrow('the record is cut off')
})

test('holds what a torn image claims against two at one moment, and not what it doubts', () => {
  const columns = { rule: { type: 'text' }, state: { type: 'text' }, reason: { type: 'text' } }
  const rule = (state: string, reason: string | null) => ({ rule: 'a', state, reason })
  const cell = (row: object) =>
    evaluated(`
    const { tornCells } = await import(${from('torn.mjs')})
    const table = (row) => new Map([['rules', { rows: [row], warnings: [] }]])
    const twin = table(${JSON.stringify(rule('none', null))})
    const declared = [{ name: 'rules', key: ['rule'], columns: ${JSON.stringify(columns)} }]
    console.log(JSON.stringify(tornCells(declared, twin, twin, table(${JSON.stringify(row)})).rules.text))`)
  expect(cell(rule('partly', 'tasks: torn'))).toBe('exact')
  expect(cell(rule('found', null))).toBe('wrong 1')
})

test('knows a row of a torn image by where its object lies where its key could not be read', () => {
  const columns = { address: { type: 'address' }, path: { type: 'text' }, frozen: { type: 'flag' } }
  const cgroup = (address: string, path: string | null, frozen = false) => ({ address, path, frozen })
  const cell = (row: object) =>
    evaluated(`
    const { tornCells } = await import(${from('torn.mjs')})
    const table = (...rows) => new Map([['cgroups', { rows, warnings: [{ code: 'torn' }] }]])
    const twin = table(${JSON.stringify(cgroup('0x1', '/a'))})
    const declared = [{ name: 'cgroups', key: ['path'], columns: ${JSON.stringify(columns)} }]
    console.log(JSON.stringify(tornCells(declared, twin, twin, table(${JSON.stringify(row)})).cgroups.text))`)
  expect(cell(cgroup('0x1', null))).toBe('partial -1')
  expect(cell(cgroup('0x1', null, true))).toBe('wrong 1, partial -1')
  expect(cell(cgroup('0x2', null))).toBe('wrong 1, partial -1')
  expect(cell(cgroup('0x1', '/b'))).toBe('wrong 1, partial -1')
})

/** What the matrix says of a table of one torn row beside two images of no such row, or of another. */
function tornCell(
  declared: object & { name: string },
  row: object,
  twin: object[] = [],
  findings: object[] = [],
): string {
  return evaluated(`
    const { tornCells } = await import(${from('torn.mjs')})
    const table = (rows, findings) => new Map([
      ['findings', { rows: findings, warnings: [] }],
      [${JSON.stringify(declared.name)}, { rows, warnings: [] }],
    ])
    const twin = table(${JSON.stringify(twin)}, [])
    const torn = table([${JSON.stringify(row)}], ${JSON.stringify(findings)})
    console.log(JSON.stringify(tornCells([${JSON.stringify(declared)}], twin, twin, torn)[${JSON.stringify(declared.name)}].text))`) as string
}

test('takes findings of low confidence for leads, and what has ended in a scan for what is left of something', () => {
  const findings = { name: 'findings', columns: { rule: { type: 'text' }, confidence: { type: 'text' } } }
  const finding = (confidence: string) => ({ rule: 'a', confidence })
  expect(tornCell(findings, finding('low'))).toBe('exact')
  expect(tornCell(findings, finding('high'))).toBe('wrong 1')
  const rules = { name: 'rules', key: ['rule'], columns: { rule: { type: 'text' }, findings: { type: 'count' } } }
  const [none, one] = [0, 1].map((found) => ({ rule: 'a', findings: found })) as [object, object]
  expect(tornCell(rules, one, [none], [finding('low')])).toBe('exact')
  expect(tornCell(rules, one, [none], [finding('low'), finding('high')])).toBe('wrong 1')
  const scan = { name: 'process-scan', key: ['tid'], columns: { tid: { type: 'integer' }, status: { type: 'text' } } }
  expect(tornCell(scan, { tid: 7, status: 'exited' })).toBe('exact')
  expect(tornCell(scan, { tid: 7, status: 'live' })).toBe('wrong 1')
})

test('takes a row of which a cell could not be read for the one that says more, where nothing else differs', () => {
  const timeline = { name: 'timeline', columns: { event: { type: 'text' }, subject: { type: 'text' } } }
  const was = [{ event: 'began', subject: '/bin/a' }]
  expect(tornCell(timeline, { event: 'began', subject: null }, was)).toBe('lost 1')
  expect(tornCell(timeline, { event: 'ended', subject: null }, was)).toBe('wrong 1, lost 1')
  expect(tornCell(timeline, { event: 'began', subject: '/bin/b' }, was)).toBe('wrong 1, lost 1')
})

test('writes what was run into the page, and leaves the rest', () => {
  const page = join(folder, 'page.md')
  const old = '| table | old | older |\n|---|---|---|\n| `a` | exact / · | · / · |'
  writeFileSync(
    page,
    `Above\n<!-- made by npm run kernels -->\n\n${old}\n\n## Cells that are not exact\n\n### old\n\n\`1\`\n\n- one\n\n### older\n\n\`0\`\n`,
  )
  const result = {
    kernel: { name: 'old' },
    release: '2',
    quiet: { a: { text: 'wrong 1', lines: ['why'] }, b: { text: 'exact', lines: [] } },
    torn: null,
  }
  const text = evaluated(`
    const { writePage } = await import(${from('report.mjs')})
    const { readFileSync } = await import('node:fs')
    for (let turn = 0; turn < 2; turn++) writePage(${JSON.stringify(page)}, [${JSON.stringify(result)}], ['older', 'old'])
    console.log(JSON.stringify(readFileSync(${JSON.stringify(page)}, 'utf8')))`) as string
  expect(text).toContain('| table | older | old |\n|---|---|---|\n| `a` | · / · | wrong 1 |\n| `b` |  | · |\n')
  expect(text).toMatch(/^Above\n/)
  expect(text).toMatch(/### older\n\n`0`\n\n### old\n\n`2`, run \d{4}-\d\d-\d\d\n\n- `a`, quiet: wrong 1: `why`\n$/)
})

test('tells which settings of a kernel that is built were not kept', () => {
  const lost = (config: string) =>
    evaluated(`
    const { lostSettings } = await import(${from('build.mjs')})
    const settings = '# Why.\\nCONFIG_A=y\\nCONFIG_B=m\\n# CONFIG_C is not set\\n'
    console.log(JSON.stringify(lostSettings(settings, ${JSON.stringify(config)})))`)
  expect(lost('CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\n')).toEqual([])
  expect(lost('CONFIG_A=y\nCONFIG_B=m\n')).toEqual([])
  expect(lost('CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=m\n')).toEqual(['CONFIG_B=m', '# CONFIG_C is not set'])
})
