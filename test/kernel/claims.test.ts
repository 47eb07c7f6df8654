/** Claims on some pages are those that would be found of all. */

import { afterAll, expect, test } from 'vitest'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { isAnyIn, stretchAt } from '../../dist/src/kernel/pages/stretch.js'
import { sampleImage } from '../../dist/src/sample.js'
import { claimsOn, pageClaims } from '../../dist/src/tables/pages.js'

const { id } = Kernel.open(sampleImage(), { cacheDir: null })
const kernel = Kernel.attach(id, () => {})
afterAll(() => kernel.close())

test('pages that are asked for are claimed as among all', () => {
  const all = pageClaims(kernel)
  const kinds = new Map(all.map((claim) => [claim.kind, claim]))
  expect(kinds.size).toBeGreaterThanOrEqual(6)
  const size = kernel.info.page_size
  // The first and the last page of one claim of each kind, and what is next to it.
  const pages = [...kinds.values()].flatMap(({ start, end }) => [start - size, start, end - size, end])
  const ascending = [...new Set(pages)].filter((page) => page >= 0).sort((left, right) => left - right)
  const some = claimsOn(kernel, ascending)
  const told = (claims: typeof all, page: number) => {
    const found = stretchAt(claims, page)
    return found === null ? null : { kind: found.kind, shift: found.shift, owner: found.owner }
  }
  for (const page of ascending) expect(told(some, page), `at ${page}`).toEqual(told(all, page))
  expect(some.length).toBeLessThan(all.length / 10)
  expect(claimsOn(kernel, [])).toEqual([])
})

test('whether an address is in a stretch is told at its edges', () => {
  const within = (start: number, end: number) => isAnyIn([10, 20, 30], start, end)
  expect([within(0, 10), within(0, 11), within(20, 21), within(21, 30), within(30, 40), within(31, 40)]).toEqual([
    false,
    true,
    true,
    false,
    true,
    false,
  ])
  expect(isAnyIn([], 0, 100)).toBe(false)
})
