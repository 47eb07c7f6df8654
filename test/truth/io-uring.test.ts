/** Rings of io_uring: the planted one, and what somebody put on it in a changed copy. */

import { describe, expect, it } from 'vitest'
import { sharedImage, sharedImages, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

interface Held {
  pid: number
  fds: { fd: number; target: string }[]
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has every descriptor that /proc said is a ring, and none else', () => {
      const held = (image.processes() as unknown as Held[]).flatMap(({ pid, fds }) =>
        fds.filter(({ target }) => target === 'anon_inode:[io_uring]').map(({ fd }) => ({ pid, fd })),
      )
      expect(held.length).toBe(image.name === 'docker-debian12' ? 1 : 0)
      const { rows } = table('io-uring', image.as('elf'))
      expect(rows.map(({ pid, fd }) => ({ pid, fd }))).toEqual(held)
    })
  })
}

const image = sharedImage('docker-debian12')
const RING = 'struct io_ring_ctx'

describe(image.title, () => {
  image.require()

  it('shows the planted ring, on which nothing was put', () => {
    expect(table('io-uring', image.as('elf')).rows).toMatchObject([
      { pid: 1512, fd: 3, flags: [], sq_entries: 8, cq_entries: 16, submitted: 0, completed: 0, submissions: [] },
    ])
  })
})

describe(`${image.title} with an entry on the ring`, () => {
  image.require()
  const copy = patchedCopy(image, (kernel, path): Patch[] => {
    const ring = BigInt(table('io-uring', path).rows[0]?.address as string)
    const entries = word(kernel, ring, RING, 'sq_sqes').value
    const old = (at: bigint) => kernel.at([at], 'u64').select({ value: '' }).column('value').bigint(0) ?? 0n
    const put = (at: bigint, value: bigint): Patch => [at, old(at), value]
    const tail = word(kernel, ring, RING, 'rings->sq.tail').at
    // IORING_OP_RECV is 27; the descriptor follows in the upper half.
    return [
      put(entries, 27n | (5n << 32n)),
      put(entries + 16n, 0x7000_1000n),
      put(entries + 24n, 512n),
      put(entries + 32n, 0xfeedn),
      put(tail, old(tail) + 1n),
    ]
  })

  it('shows what it asks for, not taken yet', () => {
    const [row] = table('io-uring', copy.path).rows
    expect(row).toMatchObject({ submitted: 1, total: 0 })
    expect(row?.submissions).toEqual([
      { operation: 'RECV', fd: 5, address: 0x7000_1000, length: 512, user_data: 0xfeed, taken: false },
    ])
  })
})
