/** Formats of events and detections, held against what was published for each. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Column, Value } from '../../dist/src/api/columns.js'
import { Registry } from '../../dist/src/engine/registry.js'
import { EcsFormat } from '../../dist/src/output/events/ecs.js'
import { ecsTables, sharedFields } from '../../dist/src/output/events/ecs-fields.js'
import { SarifFormat } from '../../dist/src/output/events/sarif.js'
import { TimesketchFormat } from '../../dist/src/output/events/timesketch.js'
import type { Format, ImageHost, TableHead } from '../../dist/src/output/format.js'
import { salvor } from '../cli/run.js'

const schema = (name: string) =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../fixtures/schemas/${name}.json`, import.meta.url)), 'utf8'))
const registry = Registry.builtin()
const host: ImageHost = { hostname: 'node-1', taken: '2026-01-02T03:04:05.000000Z' }

function headOf(table: string, more: Partial<TableHead> = {}): TableHead {
  return { table, image: 'images/a b.elf', columns: registry.get(table).columns, host, ...more }
}

/** Every column of a table with a value of its type. */
const values: Readonly<Record<Column['type'], Value>> = {
  text: 'text "\u202e\u001b',
  integer: 7,
  count: 2,
  address: 0xffff888000000000n,
  bytes: 2n ** 63n,
  time: '2026-01-01T00:00:00.123456Z',
  flag: true,
  list: ['one', 'two words'],
  record: { a: [1, null] },
  artifact: { file: 'x', bytes: 1, sha256: '0'.repeat(64) },
}

function write(format: Format, head: TableHead, rows: readonly Readonly<Record<string, Value>>[]): string {
  const columns = Object.keys(head.columns).map((name) => [name, rows.map((row) => row[name] ?? null)])
  const batch = { length: rows.length, columns: Object.fromEntries(columns) }
  return format.start(head) + format.rows(head, batch) + format.end(head, []) + format.finish()
}

function full(head: TableHead): Record<string, Value> {
  return Object.fromEntries(Object.entries(head.columns).map(([name, { type }]) => [name, values[type]]))
}

const parsed = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const quiet = () => {}

describe('ECS', () => {
  const { fields } = schema('ecs-fields') as { fields: Record<string, { type: string; array?: boolean }> }
  const forms: Readonly<Record<string, readonly string[]>> = {
    long: ['long'],
    keyword: ['keyword', 'wildcard', 'match_only_text'],
    keywords: ['keyword'],
    ip: ['ip'],
    date: ['date'],
    transport: ['keyword'],
  }

  /** Leaves outside what is salvor's own. */
  function leaves(value: unknown, path = ''): [string, unknown][] {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, value]]
    return Object.entries(value).flatMap(([name, inner]) =>
      path === '' && name === 'salvor' ? [] : leaves(inner, path === '' ? name : `${path}.${name}`),
    )
  }

  test('has a place for columns that there are, in fields that there are, of their types', () => {
    for (const [table, { fields: own = {} }] of Object.entries(ecsTables)) {
      for (const column of Object.keys(own)) expect(Object.keys(registry.get(table).columns), table).toContain(column)
    }
    const all = [sharedFields, ...Object.values(ecsTables).map(({ fields: own = {} }) => own)].flatMap((one) =>
      Object.values(one),
    )
    expect(all.length).toBeGreaterThan(80)
    for (const { field, form } of all) expect(forms[form], field).toContain(fields[field]?.type)
  })

  test.each(registry.list().map(({ name }) => name))('of %s has only fields that ECS has, and its own', (table) => {
    const head = headOf(table)
    const [document] = parsed(write(new EcsFormat(quiet), head, [full(head)]))
    expect(document['@timestamp']).toMatch(/^20/)
    expect(document.event.dataset).toBe(`salvor.${table}`)
    for (const [path, value] of leaves(document)) {
      const field = fields[path]
      expect(field, path).toBeDefined()
      expect(Array.isArray(value), path).toBe(field?.array === true)
      if (field?.type === 'long') expect(Number.isSafeInteger(value), path).toBe(true)
      if (field?.type === 'date') expect(Number.isNaN(Date.parse(String(value))), path).toBe(false)
    }
    expect(Object.keys(document.salvor[table.replaceAll('-', '_')])).toEqual(Object.keys(head.columns))
  })

  test('takes an address of a network for one only if it is, and 64-bit numbers for none', () => {
    const row = {
      pid: 2n ** 63n,
      protocol: 'TCP',
      local_address: '10.0.0.1',
      local_port: 80,
      remote_address: 'a.b',
      remote_port: 1,
    }
    const [document] = parsed(write(new EcsFormat(quiet), headOf('sockets'), [row]))
    expect(document.source).toEqual({ ip: '10.0.0.1', port: 80 })
    expect(document.destination).toEqual({ port: 1 })
    expect(document.network).toEqual({ transport: 'tcp' })
    expect(document.process).toBeUndefined()
    expect(document.salvor.sockets.pid).toBe('0x8000000000000000')
  })

  test('says of rows without a time that nothing dates them', () => {
    const notes: string[] = []
    const head = headOf('sockets', { host: { hostname: null, taken: null } })
    const [document] = parsed(write(new EcsFormat((line) => notes.push(line)), head, [{ pid: 1 }]))
    expect(document['@timestamp']).toBeUndefined()
    expect(notes).toEqual(['sockets: 1 rows have no @timestamp: nothing says when memory was taken'])
  })
})

describe('Timesketch', () => {
  test.each(registry.list().map(({ name }) => name))(
    'of %s has what an import asks for, an event for each time',
    (table) => {
      const head = headOf(table)
      const times = Object.values(head.columns).filter(({ type }) => type === 'time').length
      const events = parsed(write(new TimesketchFormat(quiet), head, [full(head), {}]))
      expect(events).toHaveLength(Math.max(times, 1) + 1)
      for (const event of events) {
        expect(typeof event.message).toBe('string')
        expect(typeof event.timestamp_desc).toBe('string')
        expect(event.datetime).toMatch(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/)
        expect(Math.floor(event.timestamp / 1000)).toBe(Date.parse(event.datetime))
      }
      expect(new Set(events.map((event) => event.timestamp_desc)).size).toBe(Math.max(times + 1, 1))
    },
  )

  test('has microseconds, also before 1970', () => {
    const head = headOf('kernel-log')
    const times = ['2026-01-01T00:00:00.123456Z', '1969-12-31T23:59:59.999999Z']
    const events = parsed(
      write(
        new TimesketchFormat(quiet),
        head,
        times.map((time) => ({ time })),
      ),
    )
    expect(events.map(({ timestamp }) => timestamp)).toEqual([1767225600123456, -1])
  })
})

describe('SARIF', () => {
  const ajv = new Ajv({ strict: false })
  addFormats.default(ajv)
  const valid = ajv.compile(schema('sarif-2.1.0'))
  const head = headOf('findings')

  function log(rows: readonly Readonly<Record<string, Value>>[]) {
    const document = JSON.parse(write(new SarifFormat(), head, rows))
    expect(valid(document), JSON.stringify(valid.errors)).toBe(true)
    return document
  }

  test('of any findings is as its published schema has it', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constant(null))
    const severity = fc.constantFrom('info', 'low', 'medium', 'high', 'critical', null)
    const row = fc.record({
      rule: text,
      title: text,
      severity,
      confidence: text,
      tactic: text,
      comm: text,
      container: text,
      container_name: text,
      pod: text,
      summary: text,
      pid: fc.oneof(fc.nat(), fc.constant(null)),
      attack: fc.array(fc.constantFrom('T1', 'T2')),
      next_steps: fc.array(fc.string({ maxLength: 4 })),
    })
    fc.assert(
      fc.property(fc.array(row, { maxLength: 5 }), (rows) => log(rows).runs[0].results.length === rows.length),
      {
        numRuns: 200,
      },
    )
  })

  test('names rules once, levels as they are meant, and a result by what it is of', () => {
    const rows = ['critical', 'high', 'medium', 'low', 'info'].map((severity) => ({
      ...full(head),
      rule: `r-${severity}`,
      severity,
    }))
    const [run] = log([...rows, ...rows]).runs
    expect(run.tool.driver.rules).toHaveLength(5)
    expect(run.results.slice(0, 5).map(({ level }: { level: string }) => level)).toEqual([
      'error',
      'error',
      'warning',
      'note',
      'note',
    ])
    const prints = run.results.map((one: { partialFingerprints: object }) => JSON.stringify(one.partialFingerprints))
    expect(new Set(prints).size).toBe(5)
    expect(run.results[0].locations[0].physicalLocation.artifactLocation.uri).toBe('images/a%20b.elf')
  })

  test('is of findings alone, which is said before anything is read', async () => {
    expect(await salvor('processes', 'x', '-f', 'sarif')).toMatchObject({
      code: 2,
      stderr: 'salvor: sarif is for findings, and processes has none\n',
    })
  })
})

test('no format of events lets a character of an image act on a terminal', () => {
  for (const make of [() => new EcsFormat(quiet), () => new TimesketchFormat(quiet), () => new SarifFormat()]) {
    const head = headOf('findings')
    const text = write(make(), head, [full(head)])
    for (const character of ['\u202e', '\u001b']) expect(text).not.toContain(character)
    expect(text).toContain('\\u202e')
  }
})
