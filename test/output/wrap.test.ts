import { expect, test } from 'vitest'
import { wrap } from '../../dist/src/output/wrap.js'

test('lines are as long as fits, by the columns that characters take, and no word is broken', () => {
  expect(wrap('one two three', 7)).toEqual(['one two', 'three'])
  expect(wrap('one two three', 6)).toEqual(['one', 'two', 'three'])
  expect(wrap('日本 日本', 9)).toEqual(['日本 日本'])
  expect(wrap('日本 日本', 8)).toEqual(['日本', '日本'])
  expect(wrap('longer-than-all a b', 3)).toEqual(['longer-than-all', 'a b'])
})

test('what has line breaks keeps them, and without a width there are no others', () => {
  expect(wrap('a b\n\nc', 80)).toEqual(['a b', '', 'c'])
  expect(wrap('a '.repeat(1000), Number.POSITIVE_INFINITY)).toEqual(['a '.repeat(1000)])
})
