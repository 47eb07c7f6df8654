import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { integer, list, text, type Value } from '../../dist/src/api/columns.js'
import { compareTable, type Difference, termsOf } from '../../dist/src/case/compare.js'
import { huntQuery } from '../../dist/src/case/hunt.js'
import { type Indicator, kindOf, readIndicator, readList } from '../../dist/src/case/indicators.js'
import { savedQueries, savedQuery } from '../../dist/src/case/saved-queries.js'
import { CaseSource } from '../../dist/src/case/sql.js'
import { Registry } from '../../dist/src/engine/registry.js'
import { addImage } from './made.js'

const columns = {
  pid: integer('Process', { meaning: 'pid' }),
  args: list('Arguments'),
  exe: text('Program', { meaning: 'path' }),
  remote: text('Address'),
  state: text('State'),
}
const table = { name: 'things', columns, key: ['pid'] }

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-hunt-'))
  const common = { pid: 1, args: ['init'], exe: '/sbin/init', remote: '10.0.0.1:22', state: 'sleeping' }
  const miner = {
    pid: 2,
    args: ['sh', '-c', 'curl evil'],
    exe: '/tmp/x (deleted)',
    remote: '10.0.0.10',
    state: 'running',
  }
  await addImage(folder, 'a', [{ analyzer: 'things', columns, key: ['pid'], rows: [common] }])
  await addImage(folder, 'b', [
    { analyzer: 'things', columns, key: ['pid'], rows: [{ ...common, state: 'running' }, miner] },
  ])
})
afterAll(() => rmSync(folder, { recursive: true }))

async function hunt(...indicators: Indicator[]): Promise<string[]> {
  const source = await CaseSource.open(folder)
  try {
    const found: string[] = []
    const result = await source.query(huntQuery(await source.tables(), indicators) ?? '')
    for await (const { columns: values, length } of result.batches)
      for (let index = 0; index < length; index++)
        found.push(
          [values.indicator, values.hostname, values.column, values.pid].map((cells) => cells?.[index]).join(' '),
        )
    return found
  } finally {
    source.close()
  }
}

test('finds an indicator where it can stand, the rarest first', async () => {
  expect(await hunt({ kind: 'address', value: '10.0.0.1' }, { kind: 'path', value: '/tmp/x' })).toEqual([
    '/tmp/x b exe 2',
    '10.0.0.1 a remote 1',
    '10.0.0.1 b remote 1',
  ])
  expect(await hunt({ kind: 'command', value: '-c CURL' })).toEqual(['-c CURL b args 2'])
  expect(await hunt({ kind: 'path', value: '/tmp' })).toEqual([])
  expect(await hunt({ kind: 'text', value: "'; DROP TABLE images; --" })).toEqual([])
})

test('sees what kind an indicator is of', () => {
  const kinds = [
    'a'.repeat(64),
    '203.0.113.7',
    '2001:db8::1',
    '/tmp/x',
    'registry/x:1',
    'curl -s x',
    'AKIAIOSFODNN7EXAMPLE',
    'evil',
  ]
  expect(kinds.map(kindOf)).toEqual(['hash', 'address', 'address', 'path', 'image', 'command', 'token', 'text'])
  expect(readIndicator('command=/bin/x')).toEqual({ kind: 'command', value: '/bin/x' })
})

test('reads STIX, MISP and plain lists', () => {
  const stix = {
    type: 'bundle',
    objects: [
      {
        type: 'indicator',
        pattern_type: 'stix',
        pattern: "[ipv4-addr:value = '203.0.113.7' AND file:hashes.'SHA-256' = 'ab']",
      },
      { type: 'indicator', pattern_type: 'yara', pattern: "[ipv4-addr:value = '203.0.113.8']" },
    ],
  }
  const misp = {
    Event: {
      Attribute: [{ type: 'ip-dst|port', value: '203.0.113.9|443' }],
      Object: [{ Attribute: [{ type: 'filename|md5', value: 'x|cd' }] }],
    },
  }
  const path = join(folder, 'list')
  const read = (content: string): string[] => {
    writeFileSync(path, content)
    return readList(path).map(({ kind, value }) => `${kind} ${value}`)
  }
  expect(read(JSON.stringify(stix))).toEqual(['address 203.0.113.7', 'hash ab'])
  expect(read(JSON.stringify(misp)).sort()).toEqual(['address 203.0.113.9', 'hash cd'])
  expect(read('# remark\n203.0.113.7\n\n/tmp/x\n')).toEqual(['address 203.0.113.7', 'path /tmp/x'])
  expect(() => read('{"type":"bundle"}')).toThrow(/no STIX/)
})

async function compared(boots: readonly [string | null, string | null]): Promise<Difference[]> {
  const source = await CaseSource.open(folder)
  const image = (host: string): string => Buffer.from(host).toString('hex').padEnd(16, '0')
  try {
    const found = []
    const sides = [
      { source, image: image('a'), boot: boots[0] },
      { source, image: image('b'), boot: boots[1] },
    ] as const
    for await (const difference of compareTable(sides[0], sides[1], table)) found.push(difference)
    return found
  } finally {
    source.close()
  }
}

test('within one boot a key says which row is the same, and the rest what changed', async () => {
  expect(await compared(['x', 'x'])).toEqual([
    { table: 'things', what: 'changed', row: { pid: 1 }, changes: { state: ['sleeping', 'running'] } },
    { table: 'things', what: 'only in B', row: { pid: 2 }, changes: null },
  ])
})

test('between boots a row is what it says, and not its number', async () => {
  const row = { args: ['sh', '-c', 'curl evil'], exe: '/tmp/x (deleted)', remote: '10.0.0.10' }
  expect(await compared(['x', 'y'])).toEqual([{ table: 'things', what: 'only in B', row, changes: null }])
  expect(await compared([null, null])).toHaveLength(1)
  expect(termsOf(table, false, true)).toEqual({ identity: ['args', 'exe', 'remote'], compared: [] })
})

describe('saved queries over a fleet', () => {
  const registry = Registry.builtin()
  const table = (analyzer: string, rows: readonly Readonly<Record<string, Value>>[]) => {
    return { analyzer, columns: registry.get(analyzer).columns, rows }
  }
  let fleet: string

  async function saved(name: string): Promise<Record<string, Value>[]> {
    const source = await CaseSource.open(fleet)
    try {
      const rows: Record<string, Value>[] = []
      for await (const { columns: values, length } of (await source.query(savedQuery(name).sql)).batches)
        for (let row = 0; row < length; row++)
          rows.push(Object.fromEntries(Object.entries(values).map(([column, cells]) => [column, cells[row] ?? null])))
      return rows
    } finally {
      source.close()
    }
  }

  beforeAll(async () => {
    fleet = mkdtempSync(join(tmpdir(), 'salvor-fleet-'))
    const empty = registry.plain().map(({ name }) => table(name, []))
    for (const host of ['n1', 'n2', 'n3']) {
      const odd = host === 'n3'
      const own = (exe: string, container: string | null) => ({ pid: 1, exe, container, kernel_thread: false })
      const filled = [
        table('containers', [
          { id: `web-${host}`, name: 'web', image: 'shop/web:1' },
          ...(host === 'n1' ? [] : [{ id: `db-${host}`, name: 'db', image: 'shop/db:1' }]),
        ]),
        table('processes', [
          own('/usr/sbin/nginx', `web-${host}`),
          own('/usr/bin/sshd', null),
          ...(host === 'n1' ? [] : [own('/usr/bin/postgres', `db-${host}`)]),
          ...(odd ? [own('/tmp/.x', `web-${host}`)] : []),
          ...(host === 'n2' ? [own('/bin/backup', `db-${host}`)] : []),
        ]),
        table('sockets', [
          { protocol: 'tcp', state: 'LISTEN', local_port: 80, container: `web-${host}` },
          ...(odd ? [{ protocol: 'tcp', state: 'LISTEN', local_port: 4444, container: `web-${host}` }] : []),
        ]),
        table('modules', [{ name: 'overlay' }, ...(odd ? [{ name: 'diamorphine' }] : [])]),
      ]
      const names = new Set(filled.map(({ analyzer }) => analyzer))
      await addImage(fleet, host, [...empty.filter(({ analyzer }) => !names.has(analyzer)), ...filled])
    }
  }, 60_000)
  afterAll(() => rmSync(fleet, { recursive: true }))

  test('each is of tables and columns that there are', async () => {
    expect(savedQueries().length).toBeGreaterThanOrEqual(10)
    for (const { name } of savedQueries()) await expect(saved(name), name).resolves.toBeInstanceOf(Array)
  })

  test('what one host has comes first', async () => {
    const programs = await saved('rare-programs')
    expect(programs.map(({ exe, images, a_host }) => [exe, Number(images), a_host])).toEqual([
      ['/bin/backup', 1, 'n2'],
      ['/tmp/.x', 1, 'n3'],
      ['/usr/bin/postgres', 2, 'n2'],
      ['/usr/bin/sshd', 3, 'n1'],
      ['/usr/sbin/nginx', 3, 'n1'],
    ])
    const modules = await saved('rare-modules')
    expect(modules.map(({ name, images, of_images }) => [name, Number(images), Number(of_images)])).toEqual([
      ['diamorphine', 1, 3],
      ['overlay', 3, 3],
    ])
    const images = await saved('rare-container-images')
    expect(images.map(({ image, images: hosts }) => [image, Number(hosts)])).toEqual([
      ['shop/db:1', 2],
      ['shop/web:1', 3],
    ])
  })

  test('what a container image does on one of its nodes only, of many nodes before of few', async () => {
    const programs = await saved('same-image-other-programs')
    expect(
      programs.map(({ image, program, seen_on, nodes, a_host }) => [
        image,
        program,
        Number(seen_on),
        Number(nodes),
        a_host,
      ]),
    ).toEqual([
      ['shop/web:1', '/tmp/.x', 1, 3, 'n3'],
      ['shop/db:1', '/bin/backup', 1, 2, 'n2'],
    ])
    const listeners = await saved('same-image-other-listeners')
    expect(listeners.map(({ image, local_port, a_host }) => [image, Number(local_port), a_host])).toEqual([
      ['shop/web:1', 4444, 'n3'],
    ])
  })
})
