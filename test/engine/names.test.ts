import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { nameMeant } from '../../dist/src/engine/names.js'
import { Registry } from '../../dist/src/engine/registry.js'

const registry = Registry.builtin()

test.each([
  ['linux.pslist.PsList', 'processes'],
  ['linux.malware.malfind.Malfind', 'injected-memory'],
  ['linux.ip.Addr', 'interfaces'],
  ['linux.proc.Maps', 'memory-maps'],
  ['linux.pagecache.Files', 'files'],
  ['linux.tracing.ftrace.CheckFtrace', 'kernel-hooks'],
  ['linux.lsof', 'open-files'],
  ['check_creds', 'credentials'],
  ['bpf-listmaps', 'bpf-maps'],
])('%s is %s', (name, analyzer) => {
  expect(registry.find(name)?.name).toBe(analyzer)
})

test.each(['linux', 'linux.', 'linux.no.Such', 'windows.pslist.PsList', '', '.', 'pslist.PsList'])(
  '%j is none',
  (name) => {
    expect(registry.find(name)).toBeUndefined()
  },
)

test('a name that is known is itself, though another is written alike', () => {
  expect(
    nameMeant(
      'a_b',
      new Map([
        ['a-b', 1],
        ['a_b', 2],
      ]),
    ),
  ).toBe('a_b')
})

test('each command that is measured beside a table is a name of that table, or of one that says more', () => {
  const source = readFileSync(new URL('../../bench/peers.ts', import.meta.url), 'utf8')
  const commands = [...source.matchAll(/'(linux\.[\w.]+)'/g)].map(([, command]) => command ?? '')
  expect(commands.length).toBeGreaterThan(35)
  expect(commands.filter((command) => registry.find(command) === undefined)).toEqual([])
})
