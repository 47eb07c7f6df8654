/** Rules of a user's own, rules that are switched off, and rules that could not be evaluated. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { repository } from '../cli/run.js'

const rule = (name: string, find: string, reads = "processes: need('processes')") => `
import { defineRule, need, optional, quote } from 'salvor'
export default defineRule({
  name: '${name}', title: 'A test', means: 'Nothing.', next: ['Look'],
  tactic: 'execution', attack: ['T1059'], severity: 'critical', confidence: 'high',
  reads: { ${reads} },
  *find(tables) { ${find} },
})
`

// Each run evaluates every rule.
vi.setConfig({ testTimeout: 120_000 })

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-rules-'))
  const write = (name: string, text: string) => writeFileSync(join(folder, `${name}.ts`), text)
  write(
    'shells',
    rule(
      'shells',
      "for (const row of tables.processes.where('comm', 'bash')) yield { about: row, summary: quote(row.args), evidence: [row] }",
    ),
  )
  write('broken', rule('broken', "throw new Error('on purpose')"))
  write('foreign', rule('foreign', 'yield { summary: "x", evidence: [{}] }'))
  write('missing', rule('missing', 'yield { summary: "x", evidence: [] }', "none: need('no-such-table')"))
  write('partly', rule('partly', '', "processes: need('processes'), none: optional('no-such-table')"))
  write('reverse-shell', rule('reverse-shell', ''))
  write('broken-again', rule('broken', ''))
  write('wrong', rule('wrong', '').replace("severity: 'critical'", "severity: 'awful'"))
})
afterAll(() => rmSync(folder, { recursive: true }))

type Row = Record<string, unknown>

function run(...args: string[]): { code: number | null; stderr: string; rows: Row[] } {
  const given = ['bin/salvor.cjs', ...args, '--no-cache', '--format', 'json']
  const { status, stdout, stderr } = spawnSync(process.execPath, given, {
    cwd: repository,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  return { code: status, stderr, rows: stdout === '' ? [] : JSON.parse(stdout).rows }
}

const plugin = (name: string) => ['--plugin', join(folder, `${name}.ts`)]
const state = (rows: readonly Row[], name: string) => rows.find((row) => row.rule === name)

test('a rule of a user’s own is evaluated beside the others, and its findings name the rows', () => {
  const { rows } = run('findings', sampleImage(), ...plugin('shells'))
  const own = rows.filter((row) => row.rule === 'shells')
  expect(own.length).toBeGreaterThan(2)
  expect(own[0]).toMatchObject({
    severity: 'critical',
    comm: 'bash',
    evidence: [{ table: 'processes', key: { pid: own[0]?.pid } }],
  })
  // The most severe come first.
  expect(rows[0]).toMatchObject({ severity: 'critical' })
  expect(rows.length).toBeGreaterThan(own.length)
})

test('a rule that is switched off says so with the reason, and finds nothing', () => {
  const off = ['--without', 'reverse-shell=we know about it']
  const { rows } = run('rules', sampleImage(), ...off)
  expect(state(rows, 'reverse-shell')).toMatchObject({
    state: 'not evaluated',
    reason: 'switched off: we know about it',
    findings: 0,
  })
  expect(run('findings', sampleImage(), ...off).rows.filter((row) => row.rule === 'reverse-shell')).toEqual([])
  expect(run('findings', sampleImage()).rows.filter((row) => row.rule === 'reverse-shell')).not.toEqual([])
})

test.each([
  ['no reason', 'reverse-shell', 'say why'],
  ['no such rule', 'nonsense=x', 'there is no rule "nonsense"'],
])('%s is a mistake', (_, value, message) => {
  const { code, stderr } = run('findings', sampleImage(), '--without', value)
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
})

test.each([
  ['broken', { state: 'not evaluated', reason: 'it failed: on purpose' }],
  ['foreign', { state: 'not evaluated', reason: 'it failed: evidence must be rows of the tables that the rule reads' }],
  ['missing', { state: 'not evaluated', reason: 'no-such-table: no plugin provides no-such-table' }],
  ['partly', { state: 'partly', reason: expect.stringContaining('no-such-table: no plugin provides no-such-table') }],
])('the rule %s was not evaluated, which is not clean', (name, expected) => {
  const { rows, code } = run('rules', sampleImage(), ...plugin(name))
  expect(state(rows, name)).toMatchObject({ ...expected, findings: 0 })
  // The others were.
  expect(state(rows, 'fileless-execution')).toMatchObject({ findings: 1 })
  if (name === 'broken') expect(code).toBe(5)
})

test('a rule that is not as rules are is a mistake of its plugin', () => {
  const { code, stderr } = run('findings', sampleImage(), ...plugin('wrong'))
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining('its severity must be info, low, medium, high or critical'),
  ])
})

test('two rules of one name are refused, of two plugins and of one beside salvor’s own', () => {
  const own = run('findings', sampleImage(), ...plugin('reverse-shell'))
  expect([own.code, own.stderr]).toEqual([
    2,
    expect.stringMatching(/two rules are called reverse-shell: of .*salvor itself/),
  ])
  const both = run('rules', sampleImage(), ...plugin('broken'), ...plugin('broken-again'))
  expect([both.code, both.stderr]).toEqual([
    2,
    expect.stringMatching(/two rules are called broken: of .*broken-again\.ts and of .*broken\.ts/),
  ])
})
