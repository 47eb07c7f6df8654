/** Routes of all tables against what ip showed in each namespace, and a trie on a copy in which a branch leads elsewhere. */

import { describe, expect, it } from 'vitest'
import { partialTable, sharedImages, table } from './images.js'
import { networkImages, networks } from './networks.js'
import { patchedCopy, word } from './patched.js'

interface TruthRoute {
  dst: string
  gateway?: string
  dev?: string
  table?: string
  protocol?: string
  scope?: string
  type?: string
  prefsrc?: string
  metric?: number
  pref?: string
}

function wanted(route: TruthRoute, net_ns: number, container: string | null): Record<string, unknown> {
  const six = `${route.dst}${route.gateway ?? ''}`.includes(':') || route.pref !== undefined
  return {
    net_ns,
    container,
    family: six ? 'inet6' : 'inet',
    destination: route.dst,
    gateway: route.gateway ?? null,
    interface: route.dev ?? null,
    // ip leaves out what is usual.
    table: route.table ?? 'main',
    protocol: route.protocol ?? 'boot',
    scope: route.scope ?? 'global',
    type: route.type ?? 'unicast',
    source: route.prefsrc ?? null,
    metric: route.metric ?? 0,
  }
}

const sorted = (rows: readonly Record<string, unknown>[]) => rows.map((row) => JSON.stringify(row)).sort()

for (const image of networkImages()) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has every route of every table, and none else', () => {
      const { rows } = table('routes', image.as(own))
      const all = networks(image).flatMap(({ inode, container, json }) =>
        json<TruthRoute[]>('route.json').map((route) => wanted(route, inode, container)),
      )
      expect(all.length).toBeGreaterThan(80)
      const names = Object.keys(all[0] ?? {})
      const shown = rows.map((row) => Object.fromEntries(names.map((name) => [name, row[name]])))
      expect(sorted(shown)).toEqual(sorted(all))
    })
  })
}

for (const image of sharedImages()) {
  describe(`${image.title}, with a branch of a table that leads to another namespace's`, () => {
    image.require()
    const copy = patchedCopy(image, (kernel) => {
      const nets = kernel.list('net_namespace_list', 'struct net', 'list').select({ main: 'ipv4.fib_main->tb_data' })
      const roots = [0, 1].map((row) =>
        word(kernel, nets.column('main').bigint(row) ?? 0n, 'struct key_vector', 'tnode[0]'),
      )
      const [first, second] = roots.map(({ value }) => word(kernel, value, 'struct key_vector', 'tnode[0]'))
      if (first === undefined || second === undefined) throw new Error('there are no routes')
      return [[first.at, first.value, second.value]]
    })

    it('gives no route of it to this one', () => {
      const before = table('routes', image.as('elf'))
      const after = partialTable('routes', copy.path)
      const known = new Set(sorted(before.rows))
      expect(before.warnings.filter(({ code }) => code === 'torn')).toEqual([])
      expect(after.rows.length).toBeLessThan(before.rows.length)
      expect(after.rows.length).toBeGreaterThan(0)
      expect(sorted(after.rows).filter((row) => !known.has(row))).toEqual([])
      expect(after.warnings.map(({ code }) => code)).toContain('torn')
    })
  })
}
