/** Which bytes a buffer of a TCP connection can have, wherever its numbers began. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isOfConnection } from '../../dist/src/kernel/tcp-sequences.js'

const word = fc.integer({ min: 0, max: 0xffff_ffff })
const after = (start: number, by: number) => (start + by) >>> 0

/** A connection of which 3000 bytes are on their way and 2000 were received, from any number on. */
const connection = (start: number) => ({
  unacknowledged: after(start, 1000),
  next: after(start, 4000),
  expected: after(start, 2000),
})
const span = (start: number, from: number, length: number, flags = 0) => ({
  first: after(start, from),
  end: after(start, from + length + flags),
  length,
})

describe('a buffer of a connection', () => {
  it.each([
    ['received', 1500, 500, true],
    ['received', 1500, 501, false],
    ['to send', 4000, 100, true],
    ['to send', 3999, 100, false],
    ['unacknowledged', 500, 501, true],
    ['unacknowledged', 500, 500, false],
    ['unacknowledged', 3000, 1000, true],
    ['unacknowledged', 3000, 1001, false],
  ] as const)('%s from %i, %i bytes: %s', (queue, from, length, is) => {
    fc.assert(fc.property(word, (start) => isOfConnection(connection(start), span(start, from, length), queue) === is))
  })

  it('has as many numbers as bytes, and one more for each of SYN and FIN', () => {
    const own = connection(0)
    expect([0, 1, 2].map((flags) => isOfConnection(own, span(0, 1000, 10, flags), 'received'))).toEqual([
      true,
      true,
      true,
    ])
    expect([-1, 3].map((flags) => isOfConnection(own, span(0, 1000, 10, flags), 'received'))).toEqual([false, false])
  })

  it('is not doubted for what cannot be read', () => {
    const nothing = { unacknowledged: null, next: null, expected: null }
    for (const queue of ['received', 'to send', 'unacknowledged'] as const) {
      expect(isOfConnection(nothing, span(0, 0, 10), queue)).toBe(true)
      expect(isOfConnection(connection(0), { first: null, end: null, length: 10 }, queue)).toBe(true)
    }
  })
})
