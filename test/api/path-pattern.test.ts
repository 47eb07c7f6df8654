import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pathFits, pathIsIn } from '../../dist/src/path-pattern.js'

test.each([
  ['/etc/passwd', '/etc/passwd', true],
  ['/etc/passwd', '/etc/passwd2', false],
  ['/etc/*', '/etc/passwd', true],
  ['/etc/*', '/etc/cron.d/lab', false],
  ['/etc/**', '/etc/cron.d/lab', true],
  ['**/lab?', '/etc/cron.d/lab1', true],
  ['/etc/cron*/**', '/etc/cron.d/lab', true],
  ['/a.c', '/abc', false],
  ['/[a]', '/a', false],
  ['**', '', true],
  ['/etc/**/lab', '/etc/lab', true],
  ['/etc/**/lab', '/etc/a/b/lab', true],
  ['/etc/**/lab', '/etc/collab', false],
  ['/etc/x**/lab', '/etc/xlab', false],
  ['**/lab', 'lab', true],
])('%s and %s', (pattern, path, fits) => {
  expect(pathFits(pattern, path)).toBe(fits)
})

test.each([
  ['/etc/cron.d', '/etc/cron.d/lab', true],
  ['/etc/cron.d/', '/etc/cron.d/lab', true],
  ['/etc/cron.d/', '/etc/cron.d', true],
  ['/etc/cron', '/etc/cron.d/lab', false],
  ['/', '/etc', true],
  ['/**', '/etc', true],
  ['**/marker.txt', '/var/lib/diff/opt/marker.txt', true],
  ['*/marker.txt', '/var/lib/diff/opt/marker.txt', false],
  ['/dev/shm/*', '/dev/shm/a/b', true],
  ['**a**a', '/a', false],
  ['/var/*/*/diff/**', '/var/lib/1/diff/opt/x.txt', true],
  ['/var/*/diff', '/var/diff/x', false],
])('%s and what is in it: %s', (pattern, path, isIn) => {
  expect(pathIsIn(pattern, path)).toBe(isIn)
})

/** The same by a regular expression, which may take ever so long. */
function byExpression(pattern: string): RegExp {
  const words: Record<string, string> = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' }
  const parts = pattern.split(/((?<=^|\/)\*\*\/|\*\*|\*|\?)/)
  return new RegExp(`^${parts.map((part) => words[part] ?? part.replace(/[.]/g, '\\.')).join('')}$`, 'su')
}

test('it says what an expression would say', () => {
  const letters = (...some: string[]) =>
    fc.array(fc.constantFrom(...some), { maxLength: 10 }).map((all) => all.join(''))
  fc.assert(
    fc.property(letters('a', '/', '.', '*', '**', '?'), letters('a', 'b', '/', '.'), (pattern, path) => {
      expect(pathFits(pattern, path)).toBe(byExpression(pattern).test(path))
    }),
  )
})

test('a pattern of stars does not take long', () => {
  expect(pathFits('**a'.repeat(300), 'a'.repeat(4000))).toBe(true)
  expect(pathFits(`${'**a'.repeat(300)}b`, 'a'.repeat(4000))).toBe(false)
})
