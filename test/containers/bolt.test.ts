/** containerd's own records in meta.db. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { boltLeaves, containerdImages } from '../../src/containers/bolt.js'

type Entry = readonly [key: string, value: Buffer, bucket?: boolean]

/** A leaf page with these entries, as bbolt writes one: elements first, then keys with their values. */
function leaf(entries: readonly Entry[], size?: number): Buffer {
  const parts = entries.map(([key, value]) => Buffer.concat([Buffer.from(key), value]))
  const head = Buffer.alloc(16 + entries.length * 16)
  head.writeUInt16LE(2, 8)
  head.writeUInt16LE(entries.length, 10)
  let at = head.length
  entries.forEach(([key, value, bucket], index) => {
    const element = 16 + index * 16
    head.writeUInt32LE(bucket === true ? 1 : 0, element)
    head.writeUInt32LE(at - element, element + 4)
    head.writeUInt32LE(Buffer.byteLength(key), element + 8)
    head.writeUInt32LE(value.length, element + 12)
    at += parts[index]?.length ?? 0
  })
  const page = Buffer.concat([head, ...parts])
  return size === undefined ? page : Buffer.concat([page, Buffer.alloc(size - page.length)])
}

const container = (id: string, image: string): Entry[] => [
  ['createdat', Buffer.alloc(15)],
  ['image', Buffer.from(image)],
  ['labels', Buffer.concat([Buffer.alloc(16), leaf([['nerdctl/name', Buffer.from('web')]])]), true],
  ['snapshotKey', Buffer.from(id)],
]
const inline = (entries: readonly Entry[]) => Buffer.concat([Buffer.alloc(16), leaf(entries)])

describe('meta.db', () => {
  test('has the image of a container on a page of its own, and of one in the value of its key', () => {
    const file = Buffer.concat([
      Buffer.alloc(4096),
      leaf(container('web', 'docker.io/library/nginx:1'), 4096),
      leaf([['limited', inline(container('limited', 'localhost/labels:1')), true]], 4096),
      Buffer.alloc(4096),
    ])
    expect(containerdImages(file)).toEqual(
      new Map([
        ['web', 'docker.io/library/nginx:1'],
        ['limited', 'localhost/labels:1'],
      ]),
    )
    expect([...boltLeaves(file)].some((one) => one.has('nerdctl/name'))).toBe(true)
  })

  test('of any bytes is read without an error', () => {
    const whole = leaf([['limited', inline(container('limited', 'localhost/box:1')), true]], 4096)
    fc.assert(
      fc.property(fc.nat(600), fc.uint8Array({ minLength: 1, maxLength: 32 }), (at, bytes) => {
        const changed = Buffer.from(whole)
        changed.set(bytes, at)
        containerdImages(changed)
      }),
    )
  })
})
