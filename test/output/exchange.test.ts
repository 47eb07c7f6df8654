/** STIX and MISP, read back by the libraries they are for where these are installed. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Value } from '../../dist/src/api/columns.js'
import { Registry } from '../../dist/src/engine/registry.js'
import { canonical, uuid5 } from '../../dist/src/output/events/ids.js'
import { MispFormat } from '../../dist/src/output/events/misp.js'
import { split } from '../../dist/src/output/events/observables.js'
import { StixFormat } from '../../dist/src/output/events/stix.js'
import type { Format, ImageHost, TableHead } from '../../dist/src/output/format.js'

const python = process.env.SALVOR_PYTHON ?? 'python3'
const has = (module: string): boolean => spawnSync(python, ['-c', `import ${module}`]).status === 0
const registry = Registry.builtin()
const host: ImageHost = { hostname: 'node-1', taken: '2026-01-02T03:04:05.000000Z' }
type Rows = readonly Readonly<Record<string, Value>>[]
type Tables = readonly (readonly [table: string, rows: Rows])[]

function headOf(table: string): TableHead {
  return { table, image: 'a.elf', columns: registry.get(table).columns, host }
}

function write(format: Format, tables: Tables): string {
  let output = ''
  for (const [table, rows] of tables) {
    const head = headOf(table)
    const columns = Object.keys(head.columns).map((name) => [name, rows.map((row) => row[name] ?? null)])
    output += format.start(head) + format.rows(head, { length: rows.length, columns: Object.fromEntries(columns) })
    output += format.end(head, [])
  }
  return output + format.finish()
}

const quiet = () => {}
const stix = (tables: Tables) => write(new StixFormat(true, quiet), tables)
const misp = (tables: Tables) => write(new MispFormat(true, quiet), tables)

const started = '2026-01-01T00:00:00.000001Z'
const tables: Tables = [
  [
    'findings',
    [
      {
        rule: 'r1',
        title: 'A title',
        severity: 'high',
        confidence: 'high',
        summary: "it's \\ odd",
        pid: 7,
        evidence: [
          { table: 'processes', key: { pid: 7, started } },
          { table: 'sockets', key: { inode: 5 } },
        ],
      },
      { rule: 'r2', title: 'Another', severity: 'info', confidence: 'low', summary: 'posture', evidence: [] },
    ],
  ],
  [
    'processes',
    [
      { pid: 7, started, args: ["/tmp/it's", 'a\\b'], exe: "/tmp/it's", comm: 'it', container: 'c'.repeat(64) },
      { pid: 2, started, args: [], comm: 'kthreadd' },
    ],
  ],
  [
    'sockets',
    [
      {
        pid: 7,
        inode: 5,
        protocol: 'tcp',
        local_address: '10.0.0.1',
        local_port: 9,
        remote_address: '198.51.100.7',
        remote_port: 443,
      },
      { pid: 7, inode: 6, protocol: 'udp', local_address: '0.0.0.0', local_port: 53 },
      { inode: 7, protocol: 'unix' },
    ],
  ],
  ['extract', [{ path: '/etc/passwd', size: 5, sha256: 'a'.repeat(64), modified: started }, { path: '/' }]],
]

/** Rows of any kind in the tables that are shown, whatever an image says. */
const hostile = fc.array(
  fc.constantFrom(...tables.map(([table]) => table)).chain((table) => {
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.integer(),
      fc.constantFrom(null, '::1', '10.0.0.1', '/', '//', 'a/', '/x', true, started),
      fc.array(fc.string({ maxLength: 3 }), { maxLength: 3 }),
    )
    const columns = Object.keys(registry.get(table).columns)
    const row = fc.dictionary(fc.constantFrom(...columns), value)
    return fc.tuple(fc.constant(table), fc.array(row, { maxLength: 4 }))
  }),
  { minLength: 1, maxLength: 4 },
) as unknown as fc.Arbitrary<Tables>

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-exchange-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function judge(script: string, text: string): string {
  const path = join(folder, 'output.json')
  writeFileSync(path, text)
  const { status, stdout, stderr } = spawnSync(python, ['-c', script, path], { encoding: 'utf8' })
  expect(status, `${stdout}${stderr}`).toBe(0)
  return stdout
}

describe('STIX', () => {
  const { objects } = JSON.parse(stix(tables))
  const ofType = (type: string) => objects.filter((object: { type: string }) => object.type === type)

  test('names an indicator for a finding whose rows are in the output, by what another host can be searched for', () => {
    const [indicator, ...others] = ofType('indicator')
    expect(others).toEqual([])
    expect(indicator.pattern).toBe(
      "[process:command_line = '/tmp/it\\'s a\\\\b'] OR [ipv4-addr:value = '198.51.100.7']",
    )
    expect(ofType('relationship')).toHaveLength(2)
    expect(ofType('note').map(({ abstract }: { abstract: string }) => abstract)).toEqual(['A title', 'Another'])
  })

  test('has the ids that the standard derives', () => {
    // RFC 9562's own example of version 5.
    expect(uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe(
      '2ed6657d-e927-568b-95e1-2665a8aea6a2',
    )
    expect(canonical({ b: ['x', 1], a: { d: 'é', c: true } })).toBe('{"a":{"c":true,"d":"é"},"b":["x",1]}')
    expect(
      ofType('ipv4-addr')
        .map(({ value }: { value: string }) => value)
        .sort(),
    ).toEqual(['10.0.0.1', '198.51.100.7'])
  })

  test('of any rows is one bundle, each object once, each reference to one of them, the same every time', () => {
    fc.assert(
      fc.property(hostile, (rows) => {
        const text = stix(rows)
        expect(stix(rows)).toBe(text)
        const bundle = JSON.parse(text)
        const ids = bundle.objects.map(({ id }: { id: string }) => id)
        expect(new Set(ids).size).toBe(ids.length)
        for (const object of bundle.objects) {
          const references = Object.entries<string | string[]>(object).flatMap(([name, value]) =>
            /_refs?$/.test(name) ? [value].flat() : [],
          )
          for (const reference of references) expect(ids).toContain(reference)
          if ('object_refs' in object) expect(object.object_refs.length).toBeGreaterThan(0)
        }
      }),
      { numRuns: 150 },
    )
  })

  test('is valid to the validator of OASIS, and read back by its library', { timeout: 120_000 }, ({ skip }) => {
    skip(!has('stix2validator') || !has('stix2'), 'stix2-validator and stix2 are not installed (SALVOR_PYTHON)')
    const script = `
import sys, json, stix2, stix2validator
result = stix2validator.validate_file(sys.argv[1])
assert result.is_valid, result
warnings = [str(w) for one in result.object_results for w in one.warnings]
print(json.dumps({"objects": len(stix2.parse(open(sys.argv[1]), allow_custom=False).objects), "warnings": warnings}))`
    const said = JSON.parse(judge(script, stix(tables)))
    expect(said).toEqual({ objects: objects.length, warnings: [] })
  })
})

describe('MISP', () => {
  test('has objects of its templates, findings as comments, and nothing to alert on', () => {
    const [{ Event: event }] = JSON.parse(misp(tables)).response
    expect(event).toMatchObject({ date: '2026-01-02', threat_level_id: '1', published: false, distribution: '0' })
    const names = event.Object.map(({ name }: { name: string }) => name)
    expect(names.sort()).toEqual(['file', 'network-connection', 'process', 'process', 'process', 'process'])
    expect(event.Attribute.map(({ value }: { value: string }) => value)).toEqual(["it's \\ odd", 'posture'])
    const all = [...event.Attribute, ...event.Object.flatMap(({ Attribute }: { Attribute: object[] }) => Attribute)]
    for (const attribute of all) expect(attribute.to_ids).toBe(false)
  })

  test('of any rows is JSON, the same every time', () => {
    fc.assert(
      fc.property(hostile, (rows) => {
        const text = misp(rows)
        expect(misp(rows)).toBe(text)
        expect(JSON.parse(text).response).toHaveLength(1)
      }),
      { numRuns: 150 },
    )
  })

  test('is read back by its library', { timeout: 120_000 }, ({ skip }) => {
    skip(!has('pymisp'), 'pymisp is not installed (SALVOR_PYTHON)')
    const script = `
import sys, json
from pymisp import MISPEvent
event = MISPEvent(); event.load(json.load(open(sys.argv[1]))["response"][0])
assert all(o.template_uuid for o in event.objects)
print(len(event.objects), len(event.attributes))`
    expect(judge(script, misp(tables)).trim()).toBe('6 2')
  })
})

test.each([
  ['/etc/passwd', '/etc', 'passwd'],
  ['/x', '/', 'x'],
  ['x', null, 'x'],
  ['/a/b/', '/a', 'b'],
])('%s is split into folder and name', (path, directory, name) => {
  expect(split(path)).toEqual({ folder: directory, name })
})
