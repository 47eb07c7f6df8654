/** Which cgroups are those of containers that only namespaces show, on hosts with one hierarchy and with several. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Isolated, ownCgroups } from '../../src/containers/isolated.js'

interface Process extends Isolated {
  /** Its cgroup in each hierarchy. */
  paths: string[]
}

function process(pid: number, ppid: number, of: Partial<Process>): Process {
  const ids = { address: BigInt(pid), pid, tid: pid, ppid, css_set: BigInt(pid), started: null }
  return { ...ids, pid_in_ns: pid, pid_ns: 1, mnt_ns: 1, cgroup: '/', paths: ['/'], ...of }
}

const host = process(1, 0, { paths: ['/init.scope', '/', '/'] })
const login = process(2, 1, { paths: ['/user.slice/session-1.scope', '/', '/user.slice'] })
const init = (of: Partial<Process>) => process(30, 2, { pid_in_ns: 1, pid_ns: 9, mnt_ns: 9, ...of })
const child = (of: Partial<Process>) => process(31, 30, { pid_in_ns: 2, pid_ns: 9, mnt_ns: 9, ...of })
const known = (path: string | null) => (path?.includes('/docker/') ? 'c1' : null)

const found = (...processes: Process[]) => {
  const own = ownCgroups([host, login, ...processes], host, known, ({ paths }) => paths)
  return [...own].map(([path, { pid }]) => [path, pid])
}

test('one that has its own in every hierarchy of v1, though in that of v2 it is in the root', () => {
  const paths = ['/', '/machine/box', '/machine/box']
  expect(found(init({ paths }), child({ paths: ['/', '/machine/box/app', '/machine/box'] }))).toEqual([
    ['/machine', 30],
  ])
})

test('one that has its own in one of them, and in the others that of who started it', () => {
  const paths = ['/user.slice/session-1.scope', '/', '/box']
  expect(found(init({ paths }), child({ paths }))).toEqual([['/box', 30]])
})

test('one that has others in different hierarchies', () => {
  const paths = ['/a', '/b', '/']
  expect(found(init({ paths }))).toEqual([
    ['/a', 30],
    ['/b', 30],
  ])
})

test('none in which others are, be it in another hierarchy', () => {
  const paths = ['/box', '/', '/']
  expect(found(init({ paths }), process(40, 1, { paths: ['/', '/', '/box'] }))).toEqual([])
  expect(found(init({ paths: ['/', '/', '/user.slice'] }))).toEqual([])
})

test('none that an engine names in any of them', () => {
  expect(found(init({ paths: ['/box', '/docker/x', '/'] }))).toEqual([])
})

test('with the one hierarchy of v2 as before', () => {
  expect(found(init({ paths: ['/box'] }), child({ paths: ['/box/app'] }))).toEqual([['/box', 30]])
  expect(found(init({ paths: ['/user.slice/session-1.scope'] }))).toEqual([])
})

test('nobody is in a cgroup that is given to another container', () => {
  const path = fc.constantFrom('/', '/a', '/a/b', '/a/b/c', '/d', '/d/e.slice', '/docker/x')
  const some = fc.array(
    fc.record({ paths: fc.tuple(path, path), pid_ns: fc.integer({ min: 1, max: 4 }), first: fc.boolean() }),
    { maxLength: 8 },
  )
  fc.assert(
    fc.property(some, (drafts) => {
      const all = drafts.map(({ paths, pid_ns, first }, at) =>
        process(50 + at, 1, { paths, pid_ns, mnt_ns: pid_ns, pid_in_ns: first ? 1 : 9 }),
      )
      const own = ownCgroups([host, ...all], host, known, ({ paths }) => paths)
      for (const [cgroup, { pid_ns }] of own) {
        const inside = all.filter(({ paths }) => paths.some((at) => at === cgroup || at.startsWith(`${cgroup}/`)))
        expect(inside.every((each) => each.pid_ns === pid_ns)).toBe(true)
      }
    }),
  )
})
