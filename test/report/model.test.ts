/** What the page makes of tables: the tree, evidence, filters, lanes, connections. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Columns, Value } from '../../dist/src/api/columns.js'
import { packRows } from '../../dist/src/report/model/columns.js'
import { evidenceOf, rowsNamed, timeOf } from '../../dist/src/report/model/evidence.js'
import { filterRows, sortRows } from '../../dist/src/report/model/filter.js'
import { buildGraph, edgesAround } from '../../dist/src/report/model/graph.js'
import { rowsAbout } from '../../dist/src/report/model/scope.js'
import { ReportTable } from '../../dist/src/report/model/table.js'
import { binRows, lanesOf, ticksOf, timesOf, wholeSpan } from '../../dist/src/report/model/timeline.js'
import { buildTree, type TreeNode } from '../../dist/src/report/model/tree.js'

const kinds: Readonly<Record<string, Columns[string]>> = {
  pid: { type: 'integer', description: 'x', meaning: 'pid' },
  container: { type: 'text', description: 'x', meaning: 'container' },
  pod: { type: 'text', description: 'x', meaning: 'pod' },
  address: { type: 'address', description: 'x' },
  time: { type: 'time', description: 'x' },
  started: { type: 'time', description: 'x' },
  args: { type: 'list', description: 'x' },
  addresses: { type: 'list', description: 'x' },
  evidence: { type: 'record', description: 'x' },
}
const NUMBERS = new Set(['ppid', 'port', 'local_port', 'remote_port', 'target_port', 'net_ns'])

function table(name: string, names: readonly string[], rows: readonly (readonly Value[])[]): ReportTable {
  const columns = Object.fromEntries(
    names.map((column): [string, Columns[string]] => [
      column,
      kinds[column] ?? { type: NUMBERS.has(column) ? 'integer' : 'text', description: 'x' },
    ]),
  )
  const values = Object.fromEntries(names.map((column, at) => [column, rows.map((row) => row[at] ?? null)]))
  const head = {
    name,
    area: 'test',
    summary: 'x',
    columns,
    key: null,
    single: false,
    rows: rows.length,
    total: rows.length,
    warnings: [],
    failed: null,
    data: '',
  }
  return new ReportTable(head, packRows(columns, values, rows.length))
}

function flat(node: TreeNode): TreeNode[] {
  return [node, ...node.children.flatMap(flat)]
}

function outline(node: TreeNode, depth = 0): string[] {
  const own = `${'  '.repeat(depth)}${node.kind} ${node.pid ?? node.label}`
  return [own, ...node.children.flatMap((child) => outline(child, depth + 1))]
}

const PROCESSES = ['pid', 'ppid', 'comm', 'args', 'state', 'container']
const processes = table('processes', PROCESSES, [
  [1, 0, 'systemd', ['/sbin/init'], 'S', null],
  [10, 1, 'shim', [], 'S', null],
  [20, 10, 'web', ['web', '-x'], 'S', 'c1'],
  [21, 20, 'worker', [], 'S', 'c1'],
  [30, 10, 'pause', [], 'S', 's1'],
  [40, 10, 'lost', [], 'Z', 'c9'],
])
const containers = table(
  'containers',
  ['id', 'name', 'image', 'state', 'pod_namespace', 'pod_name'],
  [
    ['c1', 'web', 'shop/web:1', 'running', 'shop', 'web-0'],
    ['s1', 'web-0', null, 'running', 'shop', 'web-0'],
    ['c2', 'old', 'shop/old:1', 'exited', null, null],
  ],
)
const tree = buildTree({ host: 'node', processes, containers })

describe('the tree', () => {
  test('goes from the host by pods and containers to processes', () => {
    expect(outline(tree)).toEqual([
      'host node',
      '  pod shop/web-0',
      '    container web',
      '      process 20',
      '        process 21',
      '    container web-0',
      '      process 30',
      '  container c9',
      '    process 40',
      '  container old',
      '  group Processes of the host',
      '    process 1',
      '      process 10',
    ])
  })

  test('has each process once, whatever their parents are', () => {
    const anyProcess = fc.tuple(
      fc.integer({ min: 0, max: 8 }),
      fc.integer({ min: 0, max: 8 }),
      fc.option(fc.constant('c1')),
    )
    fc.assert(
      fc.property(fc.array(anyProcess, { maxLength: 30 }), (list) => {
        const rows = list.map(([pid, ppid, container]) => [pid, ppid, 'x', [], 'S', container])
        const built = buildTree({ host: 'h', processes: table('processes', PROCESSES, rows), containers: undefined })
        const ids = flat(built).flatMap(({ kind, id }) => (kind === 'process' ? [id] : []))
        expect(ids.length).toBe(list.length)
        expect(new Set(ids).size).toBe(list.length)
      }),
    )
  })

  test('stands a chain of many processes', () => {
    const rows = Array.from({ length: 20_000 }, (_, at) => [at + 1, at, 'x', [], 'S', null])
    const built = buildTree({ host: 'h', processes: table('processes', PROCESSES, rows), containers: undefined })
    let depth = 0
    for (let node: TreeNode | undefined = built; node !== undefined; node = node.children[0]) depth++
    expect(depth).toBe(20_002)
  })
})

describe('rows about a node', () => {
  const about = (id: string, of: ReportTable) => {
    const node = flat(tree).find((one) => one.id === id)
    return node === undefined ? undefined : rowsAbout(of, node)
  }

  test('are those of the process, the container, the pod and the host', () => {
    expect(about('host', processes)).toBeNull()
    expect(about('process 3', processes)).toEqual([3])
    expect(about('container c1', processes)).toEqual([2, 3])
    expect(about('pod shop/web-0', processes)).toEqual([2, 3, 4])
    expect(about('group host', processes)).toEqual([0, 1])
    expect(about('container c2', containers)).toEqual([2])
  })

  test('are unknown where a table does not say whose they are', () => {
    expect(about('container c1', table('modules', ['name'], [['x']]))).toBeNull()
  })
})

describe('evidence', () => {
  const sockets = table(
    'sockets',
    ['address', 'pid', 'time'],
    [
      [0x10n, 1, null],
      [0xffff_8c05_429a_0900n, 2, '2026-11-23T12:58:13.069598Z'],
      [0x10n, 1, null],
    ],
  )
  const whole = table(
    'shell-history',
    ['pid', 'command'],
    [
      [5, 'id'],
      [5, 'id'],
    ],
  )

  test('is found by its key, addresses as they are written', () => {
    expect(rowsNamed(sockets, { address: '0xffff8c05429a0900', pid: 2 })).toEqual([1])
    expect(rowsNamed(sockets, { pid: 3 })).toEqual([])
    expect(rowsNamed(sockets, { nothing: 3 })).toEqual([])
    expect(rowsNamed(sockets, {})).toEqual([])
  })

  test('is every row that shows the object, and one of rows that are equal in all', () => {
    expect(rowsNamed(sockets, { address: '0x10', pid: 1 })).toEqual([0, 2])
    expect(rowsNamed(whole, { pid: 5, command: 'id' })).toEqual([0])
  })

  test('is read from a finding, and what has another form is left out', () => {
    const findings = table(
      'findings',
      ['evidence'],
      [[[{ table: 'sockets', key: { address: '0xffff8c05429a0900', pid: 2 } }, 7, { table: 1 }, null]], ['nonsense']],
    )
    const keys = evidenceOf(findings, 0)
    expect(keys).toEqual([{ table: 'sockets', key: { address: '0xffff8c05429a0900', pid: 2 } }])
    expect(evidenceOf(findings, 1)).toEqual([])
    expect(timeOf(keys, (name) => (name === 'sockets' ? sockets : undefined))).toBe('2026-11-23T12:58:13.069598Z')
    expect(timeOf(keys, () => undefined)).toBeNull()
  })
})

describe('filter and order', () => {
  const rows = Array.from({ length: processes.length }, (_, row) => row)

  test.each([
    ['', [0, 1, 2, 3, 4, 5]],
    ['WEB', [2]],
    ['comm:s', [0, 1, 4, 5]],
    ['-container:c1 shim', [1]],
    ['"web -x"', [2]],
    ['nosuch:x', []],
  ])('%j leaves %j', (text, wanted) => {
    expect(filterRows(processes, rows, text)).toEqual(wanted)
  })

  test('any text filters without an error', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => Array.isArray(filterRows(processes, rows, text))))
  })

  test('numbers are ordered as numbers, severities by how bad they are, nulls last', () => {
    const list = table(
      'x',
      ['address', 'severity'],
      [
        [0x100n, 'low'],
        [0x20n, 'critical'],
        [null, 'info'],
        [2n ** 60n, null],
      ],
    )
    const order = (column: string, descending: boolean) => sortRows(list, [0, 1, 2, 3], { column, descending })
    expect(order('address', false)).toEqual([1, 0, 3, 2])
    expect(order('address', true)).toEqual([3, 0, 1, 2])
    expect(order('severity', true)).toEqual([1, 0, 2, 3])
    expect(sortRows(list, [3, 1], null)).toEqual([3, 1])
  })
})

describe('the timeline', () => {
  const timeline = table(
    'timeline',
    ['time', 'container', 'container_name'],
    [
      ['2026-11-23T12:00:00.000000Z', null, null],
      ['2026-11-23T12:00:01.000000Z', 'c1', 'web'],
      ['2026-11-23T12:00:09.999000Z', 'c1', 'web'],
      [null, 'c2', null],
    ],
  )

  test('has a lane for the host and one for each container', () => {
    expect(lanesOf(timeline, 'node').map(({ label, rows }) => [label, rows])).toEqual([
      ['node', [0]],
      ['web', [1, 2]],
      ['c2', [3]],
    ])
  })

  test('counts each row of a span once', () => {
    const times = timesOf(timeline)
    const span = wholeSpan(times)
    if (span === null) throw new Error('no span')
    const bins = binRows([0, 1, 2, 3], times, { from: span.from, to: span.to + 1 }, 10)
    expect([...bins]).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 1])
    expect(wholeSpan(new Float64Array([Number.NaN]))).toBeNull()
  })

  test('has round moments, few enough, for any span', () => {
    const anySpan = fc.record({ from: fc.integer({ min: -1e14, max: 1e14 }), width: fc.integer({ min: 1, max: 1e13 }) })
    fc.assert(
      fc.property(anySpan, ({ from, width }) => {
        const ticks = ticksOf({ from, to: from + width }, 8)
        expect(ticks.length).toBeLessThanOrEqual(9)
        for (const { at } of ticks) expect(at).toBeGreaterThanOrEqual(from)
      }),
    )
    const [first] = ticksOf({ from: Date.UTC(2026, 10, 23, 12, 52, 38), to: Date.UTC(2026, 10, 23, 13, 0, 25) }, 10)
    expect(first?.label).toBe('12:53')
  })
})

test('connections are joined by their ends: pods, the host, services and addresses outside', () => {
  const sockets = table(
    'sockets',
    ['container', 'net_ns', 'protocol', 'state', 'local_port', 'remote_address', 'remote_port', 'remote_container'],
    [
      ['c1', 7, 'tcp', 'LISTEN', 80, '0.0.0.0', 0, null],
      ['c1', 7, 'tcp', 'ESTABLISHED', 80, '203.0.113.9', 5555, null],
      ['c1', 7, 'tcp', 'ESTABLISHED', 4000, '::ffff:10.96.0.9', 443, null],
      ['c1', 7, 'tcp', 'ESTABLISHED', 4001, '127.0.0.1', 9000, null],
      [null, 1, 'tcp', 'ESTABLISHED', 4002, '10.42.0.5', 80, null],
    ],
  )
  const interfaces = table(
    'interfaces',
    ['container', 'container_name', 'addresses'],
    [
      [null, null, ['127.0.0.1/8', '10.0.2.15/24']],
      ['s1', 'web-0', ['10.42.0.5/24']],
    ],
  )
  const published = table(
    'published-ports',
    ['address', 'port', 'protocol', 'target', 'target_port'],
    [['10.96.0.9', 443, 'tcp', '10.0.2.15', 6443]],
  )
  const edges = buildGraph({ host: 'node', containers, interfaces, sockets, connections: undefined, published })
  expect(edges.map(({ from, to, protocol, port }) => [from.id, to.id, protocol, port])).toEqual([
    ['address 203.0.113.9', 'pod shop/web-0', 'tcp', 80],
    ['pod shop/web-0', 'published 10.96.0.9:443', 'tcp', 443],
    ['host', 'pod shop/web-0', 'tcp', 80],
    ['published 10.96.0.9:443', 'host', 'tcp', 6443],
  ])
  expect(edgesAround(edges, new Set(['host']))).toHaveLength(2)
})
