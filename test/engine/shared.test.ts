import { expect, test } from 'vitest'
import { forgetShared, once, type Shared, sharedOf } from '../../dist/src/kernel/shared.js'
import type { Warning } from '../../dist/src/warning.js'

test('a reading is made once, and its warnings come each time that it is asked for', () => {
  const shared: Shared = new Map()
  const heard: Warning[] = []
  let made = 0
  const make = (warn: (warning: Warning) => void) => {
    warn({ code: 'torn', message: `reading ${++made}` })
    return [made]
  }
  const ask = () => once(shared, make, make, (warning) => heard.push(warning))
  expect(ask()).toBe(ask())
  expect(made).toBe(1)
  expect(heard.map(({ message }) => message)).toEqual(['reading 1', 'reading 1'])
})

test('a reading that fails is made anew, and what it said before is heard', () => {
  const shared: Shared = new Map()
  const heard: Warning[] = []
  let made = 0
  const ask = () =>
    once(
      shared,
      (warn) => {
        warn({ code: 'unreadable', message: 'gone' })
        if (++made === 1) throw new Error('it broke')
        return made
      },
      'key',
      (warning) => heard.push(warning),
    )
  expect(ask).toThrow('it broke')
  expect(ask()).toBe(2)
  expect(heard).toHaveLength(2)
})

test('readings are kept by image until it is forgotten', () => {
  const first = sharedOf(1)
  expect(sharedOf(1)).toBe(first)
  expect(sharedOf(2)).not.toBe(first)
  forgetShared(1)
  expect(sharedOf(1)).not.toBe(first)
})
