/** YAML as its files are met: several documents, and none that may cost more than it is long. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readYaml } from '../src/yaml.js'

test('each document by itself, as plain values', () => {
  const text =
    '---\nkind: A\nmetadata: {name: x, at: 2026-11-23T22:01:13Z}\non: yes\n---\nkind: [\n---\n{"kind": "C"}\n'
  const [first, second, third] = readYaml(text)
  expect(first).toEqual({
    value: { kind: 'A', metadata: { name: 'x', at: '2026-11-23T22:01:13.000Z' }, true: true },
    fault: null,
  })
  expect(second).toMatchObject({ value: null, fault: expect.any(String) })
  expect(third).toEqual({ value: { kind: 'C' }, fault: null })
})

test('aliases that stand for millions are a fault', () => {
  const lines = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefgh'.split('').map((name, at) => `${name}: &${name} [${`*${'abcdefg'[at]},`.repeat(9)}]`),
  ]
  expect(readYaml(lines.join('\n'))).toMatchObject([{ value: null, fault: expect.stringMatching(/alias/i) }])
})

test('no text throws', () => {
  fc.assert(fc.property(fc.string(), (text) => Array.isArray(readYaml(text))))
})
