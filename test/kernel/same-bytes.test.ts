import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FilePiece } from '../../src/kernel/file-contents.js'
import { sameBytes } from '../../src/kernel/same-bytes.js'

const PAGE = 4096

/** A file of some pages, each of one byte repeated, or null where it has left memory; pieces are of one page or of several. */
function file(pages: readonly (number | null)[], pieces: readonly boolean[] = []) {
  const found: FilePiece[] = []
  for (const [index, value] of pages.entries()) {
    const offset = index * PAGE
    const last = found.at(-1)
    if (value === null) found.push({ offset, length: PAGE, missing: 'not cached' })
    else if (last !== undefined && 'bytes' in last && pieces[index] === true) {
      const bytes = Buffer.concat([last.bytes, Buffer.alloc(PAGE, value)])
      found[found.length - 1] = { offset: last.offset, length: bytes.length, bytes }
    } else found.push({ offset, length: PAGE, bytes: Buffer.alloc(PAGE, value) })
  }
  return { size: pages.length * PAGE, [Symbol.iterator]: () => found[Symbol.iterator]() }
}

test('counts what both have, however it is cut into pieces', () => {
  const pages = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()))
  fc.assert(
    fc.property(pages, (all) => {
      const one = file(
        all.map(([value, there]) => (there ? value : null)),
        all.map(([, , , cut]) => cut),
      )
      const other = file(
        all.map(([value, , there]) => (there ? value : null)),
        all.map(([, , , , cut]) => cut),
      )
      expect(sameBytes(one, other)).toBe(all.filter(([, here, there]) => here && there).length * PAGE)
    }),
  )
})

test('one byte that both have and that differs makes them two files', () => {
  const pages = [1, 2, 3, 4, 5]
  for (const [place] of pages.entries()) {
    const changed = pages.map((value, index) => (index === place ? 9 : value))
    for (const pieces of [[], [true, true, true, true, true]]) {
      expect(sameBytes(file(pages), file(changed, pieces))).toBeNull()
      const gone = pages.map((value, index) => (index === place ? null : value))
      expect(sameBytes(file(gone, pieces), file(changed))).toBe(4 * PAGE)
    }
  }
})

test('files of other sizes, or that cannot be read, are never the same', () => {
  expect(sameBytes(file([1, 2]), file([1]))).toBeNull()
  expect(sameBytes(null, file([1]))).toBeNull()
})
