/** How processes came into containers, where no guest has the case: orphans, what nobody knows, circles. */

import { expect, test } from 'vitest'
import { branchesOf, type PlacedTask, processTree } from '../../dist/src/doors/containers.js'

const HOST = 1
const OWN = 2

function task(
  pid: number,
  ppid: number,
  container: string | null,
  pid_ns: number | null,
  comm = `p${pid}`,
): PlacedTask {
  return { pid, ppid, container, pid_ns, comm } as unknown as PlacedTask
}

function entered(tasks: PlacedTask[], first: [string, number | null][], sessions: number[] = []) {
  const nodes = [...processTree(tasks)]
  const branches = branchesOf(nodes, { first: new Map(first), sessionsBehind: () => new Set(sessions) })
  return Object.fromEntries(nodes.map(({ task: { pid } }, at) => [pid, branches[at]?.entered]))
}

const engine = [task(1, 0, null, HOST), task(10, 1, null, HOST, 'shim')]

test('children of the first process and of a session are on the branch of their parent', () => {
  const tasks = [
    ...engine,
    task(20, 10, 'a', OWN),
    task(21, 20, 'a', OWN),
    task(30, 10, 'a', OWN),
    task(31, 30, 'a', OWN),
  ]
  const expected = { 1: null, 10: null, 20: 'start', 21: 'start', 30: 'exec', 31: 'exec' }
  expect(entered(tasks, [['a', 20]])).toEqual(expected)
})

test('an orphan that its own pid namespace gave to another container is no session', () => {
  const pod = [task(20, 10, 'pause', OWN), task(30, 10, 'app', OWN), task(40, 20, 'app', OWN)]
  const first: [string, number][] = [
    ['pause', 20],
    ['app', 30],
  ]
  expect(entered([...engine, ...pod], first)).toMatchObject({ 20: 'start', 30: 'start', 40: null })
})

test('of two children of the engine in the namespace of the host, the one at its terminal is known', () => {
  const tasks = [...engine, task(20, 10, 'a', HOST), task(30, 10, 'a', HOST), task(31, 10, 'a', HOST)]
  expect(entered(tasks, [['a', 20]], [30])).toMatchObject({ 20: 'start', 30: 'exec', 31: null })
})

test.each<[string, PlacedTask[], [string, number | null][]]>([
  ['the first process is not known', [...engine, task(30, 10, 'a', OWN)], [['a', null]]],
  ['the container is not known', [...engine, task(30, 10, 'a', OWN)], []],
  ['the parent is on no list', [...engine, task(30, 99, 'a', OWN)], [['a', 20]]],
  ['the namespace cannot be read', [...engine, task(30, 10, 'a', null)], [['a', 20]]],
  ['it is its own grandparent', [task(30, 31, 'a', OWN), task(31, 30, 'a', OWN)], [['a', 20]]],
])('nothing is said where %s', (_, tasks, first) => {
  expect(entered(tasks, first)[30]).toBeNull()
})

test('an inner container is a branch of its own, with the outer engine around it', () => {
  const inner = [
    task(20, 10, 'node', OWN),
    task(25, 20, 'node', OWN, 'shim'),
    task(40, 25, 'pod', 3),
    task(41, 25, 'pod', 3),
  ]
  const rows = entered(
    [...engine, ...inner],
    [
      ['node', 20],
      ['pod', 40],
    ],
  )
  expect(rows).toMatchObject({ 20: 'start', 25: 'start', 40: 'start', 41: 'exec' })
})
