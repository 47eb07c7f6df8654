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

/** What a pipe gets: standard output is one here. */
function piped(...args: string[]): string[] {
  const { stdout } = spawnSync(process.execPath, [SALVOR, ...args, '--no-cache', '-q'], { encoding: 'utf8' })
  return stdout.trimEnd().split('\n')
}

describe('in a pipe', () => {
  it('a table leaves details out as on a terminal, and no line is longer than people read', () => {
    for (const table of ['processes', 'containers', 'cgroups', 'process-scan']) {
      const lines = piped(table, sampleImage())
      expect(lines[0]).not.toMatch(/address|mnt_ns|mounts/)
      for (const line of lines) expect(line.length, table).toBeLessThan(350)
    }
    expect(piped('processes', sampleImage(), '--wide')[0]).toMatch(/^address .* mnt_ns/)
    expect(piped('processes', sampleImage(), '--columns', 'pid,address')[0]).toMatch(/^ *pid +address$/)
  })

  it('has the names of containers beside their ids, of --container and of a run with their own table too', () => {
    const row = /^1126 .* b42fff917d42 {2}corp-agent$/
    for (const options of [[], ['--container', 'corp-agent'], ['--threads', '1'], ['--columns', 'pid,container']]) {
      const lines = piped('processes', sampleImage(), ...options)
      expect(lines.filter((line) => row.test(line)).length, options.join(' ')).toBe(1)
    }
    const run = piped('run', 'processes', 'containers', sampleImage())
    expect(run.filter((line) => row.test(line))).toHaveLength(1)
    expect(run.filter((line) => /^b42fff917d42 {2}corp-agent +container +docker/.test(line))).toHaveLength(1)
    expect(piped('processes', sampleImage(), '--wide').join('\n')).toMatch(/ b42fff917d42[0-9a-f]{52} {2}corp-agent /)
  })

  it('every other format has all columns and whole cells', () => {
    const [header = '', first = ''] = piped('processes', sampleImage(), '--container', 'corp-agent', '-f', 'csv')
    expect(header.trim().split(',')).toHaveLength(26)
    expect(first).toMatch(/,b42fff917d42[0-9a-f]{52},/)
  })

  it('info is names and values', () => {
    expect(piped('info', sampleImage())).toContain('architecture        x86_64')
  })
})

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
    const lines = text.split(/\r?\n/).filter((line) => /^[0-9a-f]{12} /.test(line))
    expect(lines.length).toBe(10)
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100)
    expect(text).toMatch(/columns do not fit \(.*\); --wide shows all/)
    expect(status).toBe(0)
  })

  it.each([80, 100])(
    'shows at %i columns in which container each row is, the id in 12 digits with the name beside it',
    (columns) => {
      for (const table of ['processes', 'threads', 'process-scan', 'namespaces', 'cgroups', 'containers']) {
        const { text } = onTerminal(columns, [table, sampleImage(), '--no-cache', '-q'], { NO_COLOR: '1' })
        const [header = '', ...rows] = text.trimEnd().split(/\r?\n/)
        expect(header.split(/ +/), table).toContain(table === 'containers' ? 'id' : 'container')
        expect(header, table).not.toContain('address')
        expect(
          rows.some((row) => /(^| {2})b42fff917d42 {2}corp-agent( {2}|$)/.test(row)),
          table,
        ).toBe(true)
        for (const line of [header, ...rows]) expect(line.length, table).toBeLessThanOrEqual(columns)
      }
    },
  )

  it('tells in process-scan what lives and which views know it', () => {
    const { text } = onTerminal(80, ['process-scan', sampleImage(), '--no-cache', '-q'], { NO_COLOR: '1' })
    expect(text).toMatch(/^ *tid +pid +status +found_by +/)
    expect(text).toMatch(/^ +1 +1 +live +"task list"/m)
  })

  it('has the name of a container beside its id', () => {
    const { text } = onTerminal(80, ['containers', sampleImage(), '--no-cache', '-q'], { NO_COLOR: '1' })
    expect(text).toMatch(/^id +name +/)
    expect(text).toMatch(/^b42fff917d42 {2}corp-agent /m)
  })

  it('writes the one row of info as names and values', () => {
    const { text } = onTerminal(80, ['info', sampleImage(), '--no-cache', '-q'], { NO_COLOR: '1' })
    const lines = text.trimEnd().split(/\r?\n/)
    expect(lines).toContain('release             6.1.0-56-cloud-amd64')
    expect(lines).toContain('hostname            docker-debian12')
    for (const line of lines) {
      expect(line).toMatch(/^([a-z_]+| {19}) +\S/)
      expect(line.length).toBeLessThanOrEqual(80)
    }
  })

  it('shows everything with --wide', () => {
    const { text } = onTerminal(80, ['processes', sampleImage(), '--no-cache', '-q', '-w'], { NO_COLOR: '1' })
    expect(text).toMatch(/^address +pid .* mnt_ns .* found_by/)
    expect(text).toMatch(/ b42fff917d42[0-9a-f]{52} /)
  })

  it('colours unless NO_COLOR says not to', () => {
    const start = String.fromCharCode(27)
    expect(onTerminal(160, ['info', sampleImage(), '--quiet']).text).toContain(`${start}[`)
    expect(onTerminal(160, ['info', sampleImage(), '--quiet'], { NO_COLOR: '1' }).text).not.toContain(`${start}[`)
  })
})
