import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { integer, list, text, type Value } from '../../dist/src/api/columns.js'
import { compareTable, type Difference, termsOf } from '../../dist/src/case/compare.js'
import { huntQuery } from '../../dist/src/case/hunt.js'
import { unfoundLine } from '../../dist/src/case/hunt-unfound.js'
import { type Indicator, kindOf, readIndicator } from '../../dist/src/case/indicator.js'
import { readList, unsearchedLines } from '../../dist/src/case/indicators.js'
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
const others = {
  pid: integer('Process', { meaning: 'pid' }),
  comm: text('Name'),
  args: list('Arguments'),
  more: text('What there is to say'),
  remote: text('Address'),
  mac: text('Address of a device'),
  login_uid: integer('Who logged in'),
}

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
  const more = [
    {
      pid: 2,
      comm: 'y',
      args: ['curl', 'https://evil.example/x'],
      more: `sha256:${'ab'.repeat(32)} [2001:db8::2]`,
      mac: '02:42:ac:11:00:02',
      login_uid: 1000,
    },
    { pid: 3, comm: 'a-program-with-', more: 'host evil.example.', remote: '[2001:db8::3]:443' },
  ]
  await addImage(folder, 'a', [{ analyzer: 'things', columns, key: ['pid'], rows: [common] }])
  await addImage(folder, 'b', [
    { analyzer: 'things', columns, key: ['pid'], rows: [{ ...common, state: 'running' }, miner] },
    { analyzer: 'others', columns: others, rows: more },
  ])
})
afterAll(() => rmSync(folder, { recursive: true }))

async function hunt(...indicators: Indicator[]): Promise<string[]> {
  const source = await CaseSource.open(folder)
  try {
    const found: string[] = []
    const query = await huntQuery(source.store.database, await source.tables(), indicators)
    const result = await source.query(query)
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

test('finds each kind as what it is, and not what only looks alike', async () => {
  const of = (kind: Indicator['kind'], value: string) => hunt({ kind, value })
  expect(await of('network', '10.0.0.0/29')).toEqual(['10.0.0.0/29 a remote 1', '10.0.0.0/29 b remote 1'])
  expect(await of('network', '2001:db8::/32')).toEqual(['2001:db8::/32 b remote 3'])
  expect(await of('network', '10.1.0.0/16')).toEqual([])
  expect(await of('domain', 'Evil.example')).toEqual(['Evil.example b args 2', 'Evil.example b more 3'])
  expect(await of('domain', 'evil.exa')).toEqual([])
  expect(await of('url', 'HTTPS://evil.example/x')).toEqual(['HTTPS://evil.example/x b args 2'])
  expect(await of('file', 'x')).toEqual(['x b args 2', 'x b exe 2'])
  expect(await of('file', 'a-program-with-a-long-name')).toEqual(['a-program-with-a-long-name b comm 3'])
  expect(await of('directory', '/sbin/')).toEqual(['/sbin/ a exe 1', '/sbin/ b exe 1'])
  expect(await of('directory', '/sb')).toEqual([])
  expect(await of('user', '1000')).toEqual(['1000 b login_uid 2'])
  expect(await of('mac', '02-42-AC-11-00-02')).toEqual(['02-42-AC-11-00-02 b mac 2'])
  expect(await of('hash', 'AB'.repeat(32))).toEqual([`${'AB'.repeat(32)} b more 2`])
})

test('two indicators of one kind are told apart', async () => {
  const found = await hunt({ kind: 'path', value: '/tmp/x' }, { kind: 'path', value: '/sbin/init' })
  expect(found).toEqual(['/tmp/x b exe 2', '/sbin/init a exe 1', '/sbin/init b exe 1'])
})

async function unfound(...words: string[]): Promise<string | undefined> {
  const source = await CaseSource.open(folder)
  try {
    const { database } = source.store
    const [tables, indicators] = [await source.tables(), words.map(readIndicator)]
    await huntQuery(database, tables, indicators)
    return await unfoundLine(database, tables.size, indicators)
  } finally {
    source.close()
  }
}

test('says what was found nowhere, and in how much it was looked for', async () => {
  expect(await unfound('10.0.0.1', 'evil')).toBeUndefined()
  expect(await unfound('10.0.0.1', '10.0.0.2', 'ev*l', '192.0.2.0/24', '10.0.0.0/24')).toBe(
    'not found in 2 tables of 2 images: 10.0.0.2, ev*l, 192.0.2.0/24',
  )
  const many = Array.from({ length: 8 }, (_, index) => `n-${index}`)
  expect(await unfound(...many)).toBe('not found in 2 tables of 2 images: n-0, n-1, n-2, n-3, n-4 and 3 more')
})

test('a word is no statement, but the name of a table', async () => {
  const source = await CaseSource.open(folder)
  try {
    const said = 'SQL: things is no statement; "FROM things" asks for all rows of a table'
    await expect(source.query('things;')).rejects.toMatchObject({ code: 'USAGE', message: said })
    const { batches } = await source.query('FROM things')
    let rows = 0
    for await (const { length } of batches) rows += length
    expect(rows).toBe(3)
  } finally {
    source.close()
  }
})

test('an image that was analyzed in two ways is one image', async () => {
  const twice = mkdtempSync(join(tmpdir(), 'salvor-twice-'))
  const made = [
    {
      analyzer: 'processes',
      columns: Registry.builtin().get('processes').columns,
      rows: [{ pid: 1, exe: '/x', kernel_thread: false }],
    },
  ]
  try {
    await addImage(twice, 'a', made)
    await addImage(twice, 'again', made, join(twice, 'again'), 'a')
    await addImage(twice, 'b', made)
    const source = await CaseSource.open(twice)
    try {
      const { database } = source.store
      const query = await huntQuery(database, await source.tables(), [readIndicator('/x')])
      const counts: number[] = []
      for (const sql of [query, savedQuery('rare-programs').sql])
        for await (const { columns: values } of (await source.query(sql)).batches)
          counts.push(Number(values.images?.[0]))
      expect(counts).toEqual([2, 2])
      expect(await unfoundLine(database, 1, [readIndicator('/y')])).toBe('not found in 1 table of 2 images: /y')
    } finally {
      source.close()
    }
  } finally {
    rmSync(twice, { recursive: true })
  }
})

test('sees what kind an indicator is of', () => {
  const kinds = {
    ['a'.repeat(64)]: 'hash',
    '203.0.113.7': 'address',
    '2001:db8::1': 'address',
    '10.0.0.0/8': 'network',
    '10.0.0.0/33': 'text',
    '/tmp/x': 'path',
    'registry/x:1': 'image',
    'curl -s x': 'command',
    AKIAIOSFODNN7EXAMPLE: 'token',
    'http://x/y': 'url',
    '02:42:ac:11:00:02': 'mac',
    evil: 'text',
  }
  expect(Object.keys(kinds).map(kindOf)).toEqual(Object.values(kinds))
  expect(readIndicator('command=/bin/x')).toEqual({ kind: 'command', value: '/bin/x' })
  expect(() => readIndicator('user=root')).toThrow(/numbers of users/)
  expect(() => readIndicator('hash=abc')).toThrow(/hash/)
  expect(() => readIndicator('yara=x.yar')).toThrow(/--yara/)
})

function read(content: unknown): { found: string[]; unsearched: string[] } {
  const path = join(folder, 'list')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  const { indicators, unsearched } = readList(path)
  return { found: indicators.map(({ kind, value }) => `${kind} ${value}`), unsearched: unsearchedLines(unsearched) }
}

const SHA = 'ab'.repeat(32)

test('reads all that a STIX pattern compares, and says what it cannot look for', () => {
  const of = (pattern: string, more: object = {}) =>
    read({ type: 'bundle', objects: [{ type: 'indicator', pattern_type: 'stix', pattern, ...more }] })
  const found: Readonly<Record<string, string[]>> = {
    [`[ipv4-addr:value = '203.0.113.7' AND file:hashes.'SHA-256' = '${SHA}']`]: ['address 203.0.113.7', `hash ${SHA}`],
    [`[file:hashes.MD5 IN ('${'a'.repeat(32)}', '${'b'.repeat(32)}')]`]: [
      `hash ${'a'.repeat(32)}`,
      `hash ${'b'.repeat(32)}`,
    ],
    "[ipv4-addr:value = '203.0.113.0/24'] FOLLOWEDBY [ipv6-addr:value ISSUBSET '2001:db8::/32']": [
      'network 203.0.113.0/24',
      'network 2001:db8::/32',
    ],
    "[network-traffic:dst_ref.value = '203.0.113.7']": ['address 203.0.113.7'],
    "[domain-name:value='evil.example' OR url:value = 'http://evil.example/it\\'s']": [
      'domain evil.example',
      "url http://evil.example/it's",
    ],
    "[file:name = 'kdevtmpfsi' AND file:parent_directory_ref.path = '/tmp/.x']": [
      'file kdevtmpfsi',
      'directory /tmp/.x',
    ],
    "[process:command_line = 'a = \\'b\\' AND file:name = c']": ["command a = 'b' AND file:name = c"],
    "[process:image_ref.name = 'xmrig' AND process:cwd = '/dev/shm']": ['file xmrig', 'path /dev/shm'],
    "[mac-addr:value = '02:42:ac:11:00:02' AND user-account:user_id = '1000']": ['mac 02:42:ac:11:00:02', 'user 1000'],
  }
  for (const [pattern, expected] of Object.entries(found)) {
    expect(of(pattern), pattern).toEqual({ found: expected, unsearched: [] })
  }
  const not: Readonly<Record<string, RegExp>> = {
    "[mutex:name = 'Global\\\\x']": /mutex:name: Linux/,
    "[x509-certificate:hashes.'SHA-1' = 'ab']": /x509-certificate:hashes.'SHA-1': no table has certificates/,
    "[windows-registry-key:key = 'x']": /registry/,
    "[user-account:account_login = 'root']": /names/,
    "[file:hashes.SSDEEP = '3:a:b']": /hashes of this kind/,
    "[file:name LIKE 'x%']": /compared by LIKE/,
    "[file:name NOT = 'x']": /compared by NOT =/,
    '[network-traffic:dst_port = 4444]': /a port/,
    '[x-odd:thing = 1]': /no table has it/,
    nothing: /compares nothing/,
  }
  for (const [pattern, why] of Object.entries(not)) {
    expect(of(pattern), pattern).toEqual({ found: [], unsearched: [expect.stringMatching(why)] })
  }
  expect(of("[file:name = 'x']", { revoked: true }).unsearched).toEqual([expect.stringMatching(/revoked/)])
  expect(of('alert tcp', { pattern_type: 'snort' }).unsearched).toEqual([expect.stringMatching(/pattern of snort/)])
  expect(of('rule r { condition: true }', { pattern_type: 'yara' }).found).toEqual(['yara rule r { condition: true }'])
})

test('reads attributes of MISP, and says what it cannot look for', () => {
  const attributes = [
    { type: 'ip-dst|port', value: '203.0.113.9|443' },
    { type: 'ip-src', value: '203.0.113.0/24' },
    { type: 'domain|ip', value: 'evil.example|203.0.113.8' },
    { type: 'filename', value: 'kinsing' },
    { type: 'filename', value: '/tmp/kinsing' },
    { type: 'yara', value: 'rule r { condition: true }' },
    { type: 'regkey', value: 'HKLM' },
    { type: 'mutex', value: 'x' },
    { type: 'comment', value: 'x', to_ids: false },
    { type: 'md5', value: 'no hash' },
    { type: 'md5', value: 'c'.repeat(32), deleted: true },
  ]
  const Object_ = [{ Attribute: [{ type: 'filename|sha256', value: `x|${SHA}` }] }]
  expect(read({ Event: { Attribute: attributes, Object: Object_ } })).toEqual({
    found: [
      'address 203.0.113.9',
      'network 203.0.113.0/24',
      'domain evil.example',
      'address 203.0.113.8',
      'file kinsing',
      'path /tmp/kinsing',
      'yara rule r { condition: true }',
      `hash ${SHA}`,
    ],
    unsearched: [
      'not searched: attribute regkey: Linux has no registry',
      'not searched: attribute mutex: Linux has no mutexes with names',
      'not searched: attribute comment: it is for people to read',
      'not searched: attribute md5: no table has hashes of this kind',
      'not searched: attribute md5: who made it has deleted it',
    ],
  })
})

test('reads plain lists; what is seen and no indicator is told, and a document of nothing refused', () => {
  expect(read('# remark\n203.0.113.7\n\n/tmp/x\n').found).toEqual(['address 203.0.113.7', 'path /tmp/x'])
  const seen = { type: 'ipv4-addr', id: 'ipv4-addr--1', value: '203.0.113.7' }
  expect(read({ type: 'bundle', objects: [seen, seen] })).toEqual({
    found: [],
    unsearched: ['not searched: observable ipv4-addr: it is what was seen, and no indicator (2 times)'],
  })
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
