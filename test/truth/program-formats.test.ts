/** Handlers of binfmt_misc: what the guests' packages register, and one that is put on the list. */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { addressOf } from '../../dist/src/kernel/query.js'
import { sharedImage, table } from './images.js'
import { type Patch, patchedCopy, Scratch, word } from './patched.js'

const NODE = 'binfmt_misc:Node'
const MAGIC = Buffer.from('7f454c4602010100', 'hex')

/** Where a handler's members lie from its beginning. */
function placeOf(kernel: Kernel, path: string): bigint {
  const found = kernel.at([0x1000n], NODE).select({ at: addressOf(path) })
  return (found.column('at').bigint(0) ?? 0n) - 0x1000n
}

/** The list, and the first handler that is on it. */
function listOf(kernel: Kernel): { at: bigint; value: bigint } {
  const own = kernel.address('init_binfmt_misc')
  if (own !== null) return word(kernel, own, 'struct binfmt_misc', 'entries.next')
  return word(kernel, kernel.symbolAddress('entries') ?? 0n, 'struct list_head', 'next')
}

/** A handler, registered: `:lab:M::\x7fELF…::/tmp/.handler:OC`. */
function registered(kernel: Kernel): Patch[] {
  // Text of what the kernel writes in a panic, which no table reads.
  const scratch = new Scratch(kernel, (kernel.address('panic') ?? 0n) & ~7n, 512)
  const { at: head, value: first } = listOf(kernel)
  const [node, name, interpreter, magic] = [0, 256, 288, 352].map((at) => scratch.base + BigInt(at))
  if (node === undefined || name === undefined || interpreter === undefined || magic === undefined) return []
  const put = (path: string, width: 4 | 8, value: bigint) => scratch.put(node + placeOf(kernel, path), width, value)
  put('list.next', 8, first)
  put('list.prev', 8, head)
  put('flags', 8, 0b11n | (1n << 30n) | (1n << 29n))
  put('offset', 4, 0n)
  put('size', 4, BigInt(MAGIC.length))
  put('magic', 8, magic)
  put('mask', 8, 0n)
  put('interpreter', 8, interpreter)
  put('name', 8, name)
  scratch.write(name, Buffer.from('lab\0'))
  scratch.write(interpreter, Buffer.from('/tmp/.handler\0'))
  scratch.write(magic, MAGIC)
  return [...scratch.patches(), [head, first, node], [first + 8n, head, node]]
}

for (const name of ['docker-debian12', 'k8s-debian13']) {
  const image = sharedImage(name)
  describe(image.title, () => {
    image.require()
    const copy = patchedCopy(image, registered)

    it('has the handler that the package of Python registers, and no other', () => {
      const python = /^(python3\.\d+)-minimal\b/m.exec(image.text('raw/packages.txt'))?.[1]
      expect(python).toMatch(/^python3\.\d+$/)
      const { rows, warnings } = table('program-formats', image.as('elf'))
      const usual = { enabled: true, flags: '', extension: null, offset: 0, mask: null }
      expect(rows).toMatchObject([{ ...usual, name: python, interpreter: `/usr/bin/${python}` }])
      // The number of its compiled code, as importlib has it, and the end of a line.
      expect(rows[0]?.magic).toMatch(/^[0-9a-f]{2}0d0d0a$/)
      expect(warnings).toEqual([])
    })

    it('shows one that was put on the list', () => {
      const { rows } = table('program-formats', copy.path)
      expect(rows).toHaveLength(2)
      expect(rows[0]).toEqual(
        expect.objectContaining({
          ...{ name: 'lab', enabled: true, interpreter: '/tmp/.handler', flags: 'OC' },
          ...{ extension: null, offset: 0, magic: MAGIC.toString('hex'), mask: null },
        }),
      )
    })
  })
}
