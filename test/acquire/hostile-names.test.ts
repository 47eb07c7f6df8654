/** Whatever users give comes back as it was given, and as nothing else. */

import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { array, comment, exported, word } from '../../dist/src/acquire/shell.js'
import { because, documents } from '../../dist/src/acquire/yaml.js'
import { contentOf, full, planned } from './plans.js'

const sharp = fc.constantFrom(
  "'",
  '"',
  '`',
  '$',
  '$(touch x)',
  '\x24{IFS}',
  '\\',
  ';',
  '|',
  '&',
  '>',
  '#',
  ' # ',
  ': ',
  '- ',
  '{{',
  '}}',
  '*',
  '!',
  '%',
  '@',
  '\n',
  '\t',
  '~',
  'true',
  'null',
  '0x1',
  '1e3',
  '---',
  '...',
  '\u2028',
  '\u202e',
  '\u{1f600}',
  '\u{e0041}',
  'é',
  '-n',
  '=',
)
const hostile = fc
  .array(fc.oneof(sharp, fc.string({ unit: 'grapheme', maxLength: 4 })), { maxLength: 8 })
  .map((all) => all.join(''))
const runs = { numRuns: 300 }

function shell(script: string): string {
  const { stdout, stderr, status } = spawnSync('bash', ['-euo', 'pipefail'], { input: script, encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
  return stdout
}

test('a word of a shell is the text, and no part of it is run', () => {
  const texts = fc.sample(hostile, { numRuns: 500, seed: 7 }).filter((text) => !text.includes('\0'))
  const script = texts.map((text) => `printf '%s\\0' ${word(text)}\n`).join('')
  expect(shell(script).split('\0').slice(0, -1)).toEqual(texts)
})

test('arrays and settings of a shell are the texts', () => {
  const texts = fc.sample(hostile, { numRuns: 200, seed: 8 }).filter((text) => !text.includes('\0'))
  const script = `${array('all', texts)}printf '%s\\0' "\${all[@]}"\n${texts
    .map((text, index) => `${exported({ [`V${index}`]: text })}printenv -0 V${index}\n`)
    .join('')}`
  expect(shell(script).split('\0').slice(0, -1)).toEqual([...texts, ...texts])
})

test('a word has nothing that Systems Manager would take for a parameter', () => {
  expect(word('{{{{')).toBe("'{''{''{''{'")
  fc.assert(
    fc.property(hostile, (text) => !word(text).includes('{{')),
    runs,
  )
})

test('a comment is one line', () => {
  fc.assert(
    fc.property(hostile, (text) => !/[\n\r\u2028\u2029]/.test(comment(text))),
    runs,
  )
})

test.each(['1.1', '1.2'] as const)('YAML %s reads back what was written, keys and values', (version) => {
  fc.assert(
    fc.property(hostile, hostile, hostile, (key, value, why) => {
      const object = {
        kind: value,
        map: { [`k${key}`]: because(why, value) },
        list: [value, { [`k${key}`]: value }, []],
      }
      const plain = { kind: value, map: { [`k${key}`]: value }, list: [value, { [`k${key}`]: value }, []] }
      expect(parse(documents([object]), { version })).toEqual(plain)
    }),
    runs,
  )
})

test('a plan holds hostile names as data only', () => {
  const name = 'a\'; touch /tmp/x; $(id) `id` \\ "{{ x }}'
  const given = { ...full.host, name: [name], to: [`/mnt/${name}`] }
  const script = contentOf(planned('host', given), 'capture.sh')
  const settings = script.split('\n').filter((line) => line.startsWith('export SALVOR_'))
  expect(settings.length).toBeGreaterThan(4)
  expect(shell(`${settings.join('\n')}\nprintf '%s' "$SALVOR_FOLDER"`)).toBe(`/mnt/${name}`)
  expect(shell(`${settings.join('\n')}\nprintf '%s' "$SALVOR_NAME"`)).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/)
})

test.each([
  ['node', "a'b"],
  ['node', 'A B'],
  ['pod', 'shop/web/one/two'],
  ['pod', 'shop'],
  ['case', 'a b'],
  ['case', '$(id)'],
  ['to', 's3://Bucket'],
  ['to', 'ftp://x'],
  ['to', '/mnt/a\nb'],
  ['namespace', 'Kube'],
  ['role', 'arn:aws:iam::1:role/x'],
  ['avml-sha256', 'abc'],
  ['region', 'x; id'],
])('--%s %s is refused', (option, value) => {
  expect(() => planned('kubernetes', { ...full.kubernetes, [option]: [value] })).toThrow(
    new RegExp(`^--${option} takes `),
  )
})

test('a dollar in the environment of a pod is a dollar', () => {
  const given = { ...full.eks, to: ['s3://evidence/$(SALVOR_CASE)/$$x'] }
  const yaml = contentOf(planned('eks', given), '2-capture.yaml').split('---\n')[1] ?? ''
  const env = parse(yaml).spec.template.spec.containers[0].env as { name: string; value?: string }[]
  expect(env.find(({ name }) => name === 'SALVOR_S3')?.value).toBe('s3://evidence/$$(SALVOR_CASE)/$$$$x')
})
