/** The script that takes memory, run for real with a stand-in for AVML, and what verification makes of its deliveries. */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { exitCodeOfVerdicts, type Headers, type Verdict, verify } from '../../dist/src/acquire/verify.js'
import { sampleImage } from '../../dist/src/sample.js'
import { salvor } from '../cli/run.js'

const script = fileURLToPath(new URL('../../src/acquire/templates/capture.sh', import.meta.url))
const valid = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync(fileURLToPath(new URL('../../src/acquire/manifest.schema.json', import.meta.url)), 'utf8')),
)

/** As AVML is called: the last argument is where it writes to, which must be no link. */
const AVML = `#!/bin/bash
case $1 in
  --help) echo '  acquire  Acquire'; exit ;;
  --version) echo 'avml 9.9'; exit ;;
esac
[ "$1" = acquire ] || exit 9
to=\${!#}
[ -p "$to" ] && [ ! -L "$to" ] || exit 8
[ "$BEHAVIOUR" != never ] || exit 7
if [ "$BEHAVIOUR" = half ]; then head -c 100000 "$MEMORY" >"$to"; echo 'it ended' >&2; exit 6; fi
cat "$MEMORY" >"$to"
`

let folder: string
let out: string
let avml: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-capture-'))
  avml = join(folder, 'avml')
  writeFileSync(avml, AVML)
  chmodSync(avml, 0o755)
})
beforeEach(() => {
  out = join(folder, 'out')
  mkdirSync(out)
})
afterEach(() => rmSync(out, { recursive: true }))
afterAll(() => rmSync(folder, { recursive: true }))

function capture(environment: Readonly<Record<string, string>> = {}) {
  const { status, stderr } = spawnSync('bash', [script], {
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      MEMORY: sampleImage(),
      SALVOR_CASE: 'IR "7" \\ $(id)',
      SALVOR_NAME: 'node-1',
      SALVOR_TO: 'folder',
      SALVOR_FOLDER: out,
      SALVOR_AVML: avml,
      SALVOR_WORK: folder,
      ...environment,
    },
  })
  return { code: status, stderr }
}

const ending = (suffix: string): string => join(out, readdirSync(out).find((name) => name.endsWith(suffix)) ?? suffix)
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')
const sound: Headers = { format: 'lime', ranges: 1, bytes: 1, warnings: [] }

async function verdicts(headersOf: () => Headers = () => sound, hash: string | null = null): Promise<Verdict[]> {
  const { signal } = new AbortController()
  const all: Verdict[] = []
  for await (const one of verify(out, { sha256: hash, signal, headersOf, progress: () => {} })) all.push(one)
  return all
}

const root = process.getuid?.() === 0
describe.skipIf(!root)('a capture (by root, as it must be)', () => {
  test('delivers memory as AVML wrote it, facts, and a manifest as the schema has it, of which it prints the hash', async () => {
    const { code, stderr } = capture()
    expect(code, stderr).toBe(0)
    expect(sha256(ending('.lime'))).toBe(sha256(sampleImage()))
    expect(readFileSync(ending('.facts.txt'), 'utf8')).toContain('== /proc/version')
    const manifest = JSON.parse(readFileSync(ending('.manifest.json'), 'utf8'))
    expect(valid(manifest), JSON.stringify(valid.errors)).toBe(true)
    expect(manifest).toMatchObject({ case: 'IR "7" \\ $(id)', complete: true, tool: { version: 'avml 9.9' } })
    expect(manifest.tool.arguments).toMatch(/^acquire --source \/(?:proc\/kcore|dev\/(?:mem|crash))$/)
    expect(stderr).toContain(`has the SHA-256 ${sha256(ending('.manifest.json'))}`)
    // Nothing else is left on the host.
    expect(readdirSync(folder).sort()).toEqual(['avml', 'out'])
    const all = await verdicts()
    expect(all.map(({ kind, state }) => [kind, state])).toEqual([
      ['manifest', 'as captured'],
      ['memory', 'as captured'],
      ['facts', 'as captured'],
    ])
    expect(exitCodeOfVerdicts(all)).toBe(0)
  })

  test('does not run a program of another hash', () => {
    const { code, stderr } = capture({ SALVOR_AVML_SHA256: '0'.repeat(64) })
    expect(code).toBe(1)
    expect(stderr).toContain('it is not run')
    expect(readdirSync(out)).toEqual([])
  })

  test.each(['never', 'half'])(
    'of an AVML that fails (%s) ends, and says in its manifest that it has not all',
    async (how) => {
      const { code, stderr } = capture({ BEHAVIOUR: how })
      expect(code).toBe(1)
      expect(stderr).toContain('what it wrote is not all')
      const all = await verdicts()
      expect(all[0]).toMatchObject({ kind: 'manifest', state: 'incomplete' })
      expect(exitCodeOfVerdicts(all)).toBe(5)
    },
  )

  test('that cannot be delivered leaves no manifest, and nothing that looks finished', async () => {
    const { code, stderr } = capture({ SALVOR_FOLDER: '/dev/null/x' })
    expect(code).toBe(1)
    expect(stderr).toContain('delivery failed')
    await expect(verdicts()).rejects.toThrow(/no manifest .* is there/)
  })

  test('delivers checkpoints instead, and follows no link', async () => {
    const archives = join(folder, 'checkpoints')
    mkdirSync(archives)
    writeFileSync(join(archives, 'checkpoint-web 1.tar'), 'archive')
    symlinkSync('/etc/passwd', join(archives, 'passwd'))
    const { code, stderr } = capture({ SALVOR_FILES: archives })
    rmSync(archives, { recursive: true })
    expect(code, stderr).toBe(0)
    const all = await verdicts()
    expect(all.map(({ file, kind, state }) => [file.replace(/.*Z-?/, ''), kind, state])).toEqual([
      ['.manifest.json', 'manifest', 'as captured'],
      ['checkpoint-web_1.tar', 'checkpoint', 'as captured'],
    ])
    expect(valid(JSON.parse(readFileSync(ending('.manifest.json'), 'utf8')))).toBe(true)
  })
})

describe('verification', () => {
  const text = 'what was taken'
  const file = {
    name: 'a.lime',
    kind: 'memory',
    format: 'lime',
    size: text.length,
    started: '2026-01-01T00:00:00Z',
    ended: '2026-01-01T00:00:00Z',
  }
  const base = {
    schema: 'salvor-acquisition-1',
    case: 'IR-7',
    complete: true,
    host: { name: 'node-1' },
    tool: null,
    started: '2026-01-01T00:00:00Z',
    ended: '2026-01-01T00:00:00Z',
  }
  const hashed = createHash('sha256').update(text).digest('hex')

  function arrive(changes: object = {}, ofFile: object = {}): void {
    writeFileSync(join(out, 'a.lime'), text)
    const manifest = { ...base, files: [{ ...file, sha256: hashed, ...ofFile }], ...changes }
    writeFileSync(join(out, 'a.manifest.json'), JSON.stringify(manifest))
  }

  async function stateOf(headersOf?: () => Headers): Promise<Verdict | undefined> {
    return (await verdicts(headersOf))[1]
  }

  test('of what is as it was taken', async () => {
    arrive()
    expect(await stateOf()).toMatchObject({ state: 'as captured', size: 14, sha256: hashed })
  })

  test('finds a byte that was changed, a file cut off, one that grew, and one that is not there', async () => {
    arrive()
    writeFileSync(join(out, 'a.lime'), 'what was TAKEN')
    expect(await stateOf()).toMatchObject({ state: 'changed', remark: 'its content is not what was taken' })
    truncateSync(join(out, 'a.lime'), 5)
    expect(await stateOf()).toMatchObject({ state: 'changed', remark: 'it is cut off, or still on its way' })
    writeFileSync(join(out, 'a.lime'), `${text}!`)
    expect(await stateOf()).toMatchObject({ state: 'changed', remark: 'it is longer than what was taken' })
    rmSync(join(out, 'a.lime'))
    expect(await stateOf()).toMatchObject({ state: 'missing' })
  })

  test('finds headers that say less than a hash can', async () => {
    arrive()
    expect(await stateOf(() => ({ ...sound, format: 'raw' }))).toMatchObject({
      state: 'damaged',
      remark: 'its content is raw, not lime',
    })
    const warnings = ['truncated: the file ends early']
    expect(await stateOf(() => ({ ...sound, warnings }))).toMatchObject({ state: 'damaged', remark: warnings[0] })
  })

  test('reads no link, no folder, and nothing beside the manifest', async () => {
    arrive()
    const link = join(out, 'a.lime')
    rmSync(link)
    symlinkSync('/etc/passwd', link)
    expect(await stateOf()).toMatchObject({ state: 'unreadable', remark: 'it is no regular file' })
    // What is written there from here on would go where it leads.
    rmSync(link)
    for (const name of ['../a.lime', '/etc/passwd', 'x/y', '..', '.hidden', '']) {
      arrive({}, { name })
      expect((await verdicts())[0]).toMatchObject({ state: 'unreadable', remark: expect.stringContaining('name') })
    }
  })

  test('names files that no manifest names, and does not fail for them', async () => {
    arrive()
    copyFileSync(join(out, 'a.lime'), join(out, 'b.lime.part'))
    const all = await verdicts()
    expect(all.at(-1)).toMatchObject({ file: 'b.lime.part', state: 'not in a manifest' })
    expect(exitCodeOfVerdicts(all)).toBe(0)
  })

  test('holds a manifest against the hash that was kept apart from it', async () => {
    arrive()
    const hash = sha256(join(out, 'a.manifest.json'))
    expect((await verdicts(undefined, hash))[0]).toMatchObject({ state: 'as captured' })
    expect(await verdicts(undefined, '0'.repeat(64))).toMatchObject([
      { state: 'changed' },
      { state: 'not in a manifest' },
    ])
  })

  const broken: readonly (readonly [string, object | string])[] = [
    ['no JSON', '{"schema": "salvor-acqui'],
    ['another schema', { schema: 'x' }],
    ['no list of files', { files: {} }],
    ['a size that is none', { files: [{ ...file, sha256: hashed, size: -1 }] }],
    ['a hash that is none', { files: [{ ...file, sha256: 'x' }] }],
    [
      'the same file twice',
      {
        files: [
          { ...file, sha256: hashed },
          { ...file, sha256: hashed },
        ],
      },
    ],
    ['an unknown kind', { files: [{ ...file, sha256: hashed, kind: 'x' }] }],
    ['no time', { started: 'yesterday' }],
    ['a host that is a list', { host: [] }],
  ]
  test.each(broken)('refuses a manifest with %s', async (_what, how) => {
    const manifest = typeof how === 'string' ? how : JSON.stringify({ ...base, files: [], ...how })
    writeFileSync(join(out, 'a.manifest.json'), manifest)
    const all = await verdicts()
    expect(all).toMatchObject([{ state: 'unreadable' }])
    expect(exitCodeOfVerdicts(all)).toBe(3)
    // The schema says the same of all but the name that comes twice.
    if (typeof how !== 'string' && _what !== 'the same file twice') expect(valid(JSON.parse(manifest))).toBe(false)
  })

  test('by the command line reads headers with the core, and says so in each format', async () => {
    copyFileSync(sampleImage(), join(out, 'a.lime'))
    const size = readFileSync(sampleImage()).length
    writeFileSync(
      join(out, 'a.manifest.json'),
      JSON.stringify({ ...base, files: [{ ...file, size, sha256: sha256(sampleImage()) }] }),
    )
    const { code, stdout, stderr } = await salvor('acquire', 'verify', out, '--format', 'ndjson')
    expect([code, stderr]).toEqual([0, ''])
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(rows.map(({ state }) => state)).toEqual(['as captured', 'as captured'])
    truncateSync(join(out, 'a.lime'), 1000)
    expect((await salvor('acquire', 'verify', out)).code).toBe(3)
    expect((await salvor('acquire', 'verify', join(out, 'nothing'))).code).toBe(3)
    expect((await salvor('acquire', 'verify', out, '--sha256', 'x')).code).toBe(2)
  })
})

describe('the command line', () => {
  test('writes a plan, and over none that is there', async () => {
    const plan = join(out, 'plan')
    const args = ['acquire', 'plan', 'host', '--case', 'IR-7', '--to', '/mnt/evidence', '-d', plan]
    const { code, stdout, stderr } = await salvor(...args)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toBe(`${['README.md', 'capture.sh', 'plan.json'].map((name) => join(plan, name)).join('\n')}\n`)
    expect(await salvor(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining('--force replaces it') })
    expect((await salvor(...args, '--force')).code).toBe(0)
  })

  test.each([
    [['acquire', 'plan', 'hosts'], /did you mean host\?/],
    [['acquire', 'plan', 'host', '--case', 'x', '-d', 'p'], /needs --to/],
    [['acquire', 'plan', 'host', '--case', 'x', '-d', 'p', '--to', '/x', '--node', 'a'], /does not take --node/],
    [['acquire', 'plan', 'host', '--to', '/x', '-d', 'p'], /needs --case/],
    [['acquire', 'plan', 'host'], /needs --output-dir, --case, --to/],
    [['acquire', 'plan', 'host', '--case', 'x', '-d', 'p', '--to', 'claim:x'], /is for a cluster/],
    [['acquire', 'verify', '.', '--node', 'a'], /has no option --node/],
    [['acquire', 'look', '.'], /acquire takes plan or verify/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await salvor(...args)
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
  })
})
