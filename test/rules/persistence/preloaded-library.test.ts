import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/persistence/preloaded-library.js'

const variable = (value: string | null, name = 'LD_PRELOAD') => ({ pid: 7, comm: 'x', container: null, name, value })
const find = (rows: object[], libraries: object[] = [], hooks: object[] = []) =>
  evaluateRule(rule, { environment: rows, libraries, hooks })

test.each([
  ['/usr/local/lib/libproc-hide.so', 'medium'],
  ['/usr/lib/libjemalloc.so.2 /tmp/x.so', 'high'],
  ['/dev/shm/libjemalloc.so', 'high'],
])('%s is %s', (value, severity) => {
  expect(find([variable(value)])).toMatchObject([{ about: { pid: 7 }, severity, confidence: 'medium' }])
})

test('it is surer where the library is loaded, and told once for all that were started alike', () => {
  const rows = [variable('/opt/x/libx.so'), { ...variable('/opt/x/libx.so'), pid: 8 }]
  expect(find(rows, [{ pid: 7, path: '/opt/x/libx.so' }])).toMatchObject([{ about: { pid: 7 }, confidence: 'high' }])
})

test.each([
  variable('/usr/lib/x86_64-linux-gnu/libjemalloc.so.2'),
  variable('libfakeroot-sysv.so'),
  variable('/usr/libexec/coreutils/libstdbuf.so'),
  variable(''),
  variable(null),
  variable('/tmp/x.so', 'LD_LIBRARY_PATH'),
])('%j is usual', (row) => {
  expect(find([row])).toEqual([])
})

const hook = (path: string, name: string) => ({
  ...{ pid: 7, comm: 'x', container: null, reason: 'preloaded' },
  ...{ function: name, target_path: path },
})

test('what it answers for is said', () => {
  const [found] = find([variable('/opt/x/libx.so')], [], [hook('/opt/x/libx.so', 'readdir')])
  expect(found?.summary).toBe('LD_PRELOAD is ‘/opt/x/libx.so’: it answers for ‘readdir’')
})

test('one that no variable names is found by the functions that it takes, once', () => {
  const hooks = ['readdir', 'open'].map((name) => hook('/lib/libselinux-x.so', name))
  const found = find([], [], [...hooks, { ...hook('/lib/libselinux-x.so', 'open'), pid: 9 }])
  expect(found.map(({ summary }) => summary)).toEqual([
    '‘/lib/libselinux-x.so’ is loaded before what the program needs: it answers for ‘readdir’, ‘open’',
  ])
  expect(find([], [], [hook('/usr/lib/libjemalloc.so.2', 'malloc')])).toEqual([])
})
