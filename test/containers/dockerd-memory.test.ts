import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Heap, readDaemons } from '../../src/containers/dockerd-memory.js'

const ID = 'ab'.repeat(32)
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`
const BASE = 0xc000_0000_00n

const DOCKERD = { pid: 325, program: 'dockerd', container: null }

/** Memory of a Go process, laid out piece by piece. */
class GoHeap implements Heap {
  readonly #bytes = Buffer.alloc(1 << 16)
  #next = 64

  take(size: number): bigint {
    const at = this.#next
    this.#next += (size + 15) & ~15
    return BASE + BigInt(at)
  }

  word(address: bigint, value: bigint): void {
    this.#bytes.writeBigUInt64LE(value, Number(address - BASE))
  }

  /** Puts a string header at a place, and the text elsewhere. */
  text(place: bigint, value: string): void {
    const at = this.take(value.length)
    this.#bytes.write(value, Number(at - BASE), 'latin1')
    this.word(place, at)
    this.word(place + 8n, BigInt(value.length))
  }

  find(needles: readonly string[]) {
    return needles.flatMap((needle, which) => {
      const places: { address: bigint; which: number }[] = []
      for (let at = this.#bytes.indexOf(needle); at >= 0; at = this.#bytes.indexOf(needle, at + 1)) {
        places.push({ address: BASE + BigInt(at), which })
      }
      return places
    })
  }

  findWords(words: readonly bigint[]) {
    const places: { address: bigint; which: number }[] = []
    for (let at = 0; at + 8 <= this.#bytes.length; at += 8) {
      const which = words.indexOf(this.#bytes.readBigUInt64LE(at))
      if (which >= 0) places.push({ address: BASE + BigInt(at), which })
    }
    return places
  }

  readWhole(address: bigint, length: number): DataView | null {
    const at = Number(address - BASE)
    if (address < BASE || at + length > this.#bytes.length) return null
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, length)
  }
}

/** What was read of one container in the memory of Docker 26, in a guest whose page cache had been dropped. */
const REAL: {
  id: string
  object: string
  pieces: { address: string; bytes: string }[]
} & Record<'name' | 'image' | 'image_id' | 'log_path', string> = JSON.parse(
  readFileSync(new URL('./fixtures/dockerd-26.json', import.meta.url), 'utf8'),
)

/** Memory of which there are pieces. */
class PiecesHeap implements Heap {
  readonly #pieces = REAL.pieces.map(({ address, bytes }) => ({
    address: BigInt(address),
    bytes: Buffer.from(bytes, 'base64'),
  }))

  find(needles: readonly string[]) {
    return this.#pieces.flatMap(({ address, bytes }) => {
      const which = needles.indexOf(bytes.toString('latin1'))
      return which < 0 ? [] : [{ address, which }]
    })
  }

  findWords(words: readonly bigint[]) {
    const word = this.readWhole(BigInt(REAL.object), 8)?.getBigUint64(0, true)
    const which = word === undefined ? -1 : words.indexOf(word)
    return which < 0 ? [] : [{ address: BigInt(REAL.object), which }]
  }

  readWhole(address: bigint, length: number): DataView | null {
    for (const piece of this.#pieces) {
      const at = Number(address - piece.address)
      if (at >= 0 && at + length <= piece.bytes.length)
        return new DataView(piece.bytes.buffer, piece.bytes.byteOffset + at, length)
    }
    return null
  }
}

interface Container {
  name?: string
  image?: string
  digest?: string
  hostname?: string
  /** Where Name lies: later versions have more before it. */
  nameAt?: bigint
}

/** A `container.Container` from its ID on. */
function put(
  heap: GoHeap,
  { name = '/web', image = 'shop/web:1.4', digest = DIGEST, hostname = 'web', ...rest }: Container,
) {
  const [object, config] = [heap.take(512), heap.take(256)]
  heap.text(object, ID)
  heap.word(object + 88n, config)
  heap.text(object + 96n, digest)
  heap.text(object + (rest.nameAt ?? 144n) - 16n, `/var/lib/docker/containers/${ID}/${ID}-json.log`)
  heap.text(object + (rest.nameAt ?? 144n), name)
  heap.text(config, hostname)
  heap.text(config + 136n, image)
}

function read(...containers: Container[]) {
  const heap = new GoHeap()
  for (const container of containers) put(heap, container)
  const found = readDaemons([{ ...DOCKERD, heap: () => heap }], [ID]).get(ID)
  return found && { name: found.name, image: found.image, pid: found.pid }
}

describe('the memory of dockerd', () => {
  const web = { name: 'web', image: 'shop/web:1.4', pid: 325 }

  it('has name and image of a container', () => {
    expect(read({})).toEqual(web)
    expect(read({ nameAt: 208n })).toEqual(web)
  })

  it('has it in a real one, with the digest of the image and the log', () => {
    const { id, name, image, image_id, log_path } = REAL
    const found = readDaemons([{ ...DOCKERD, heap: () => new PiecesHeap() }], [id, ID])
    expect([...found.keys()]).toEqual([id])
    expect(found.get(id)).toMatchObject({ name, image, image_id, log_path, address: BigInt(REAL.object) })
    expect([name, image]).toEqual(['shop-web-1', 'shop/web:1.4'])
  })

  it.each([
    ['another image digest', { digest: `sha256:${'z'.repeat(64)}` }],
    ['a digest that is cut', { digest: DIGEST.slice(0, 70) }],
  ])('is not believed with %s', (_what, container) => {
    expect(read(container)).toBeUndefined()
  })

  it('gives no name and no image that nobody could have given', () => {
    expect(read({ name: '/web/../..' })).toMatchObject({ name: null, image: 'shop/web:1.4' })
    expect(read({ name: '/\u001b[31m' })).toMatchObject({ name: null })
    expect(read({ image: 'shop web' })).toMatchObject({ name: 'web', image: null })
    expect(read({ hostname: 'no host' })).toMatchObject({ name: 'web', image: null })
  })

  it('has old copies: of an image what most of them say counts, and of as many none', () => {
    expect(read({ image: 'old' }, {}, {})).toEqual(web)
    expect(read({ image: 'old' }, {})).toEqual({ ...web, image: null })
    expect(read({ digest: DIGEST.replace(/.$/, '0') }, { digest: DIGEST.replace(/.$/, '1') })).toBeUndefined()
  })

  it('of a container that was renamed has the image, and no name: the newer one may be of fewer copies', () => {
    expect(read({ name: '/old' }, {})).toEqual({ ...web, name: null })
    expect(read({ name: '/old' }, { name: '/old' }, {})).toEqual({ ...web, name: null })
  })

  it('is asked for what is missing, once', () => {
    let asked = 0
    const heap = new GoHeap()
    put(heap, {})
    const daemon = (pid: number) => ({
      ...DOCKERD,
      pid,
      heap: () => {
        asked++
        return heap
      },
    })
    expect(readDaemons([daemon(1), daemon(2)], [ID]).get(ID)?.pid).toBe(1)
    expect(readDaemons([daemon(3)], [])).toEqual(new Map())
    expect(readDaemons([{ ...DOCKERD, heap: () => null }], [ID])).toEqual(new Map())
    expect(asked).toBe(1)
  })
})
