import { readFileSync } from 'node:fs'
import type { Daemon, Heap } from '../../src/containers/dockerd-memory.js'

const PAGE = 4096
const BASE = 0xc000_0000_00n

/** Texts that lie in memory on pages of their own. */
export class TextHeap implements Heap {
  readonly #bytes: Buffer

  constructor(texts: readonly string[]) {
    const pages = texts.map((text) => {
      const bytes = Buffer.from(text, 'latin1')
      return Buffer.concat([bytes, Buffer.alloc((PAGE - (bytes.length % PAGE)) % PAGE)])
    })
    this.#bytes = Buffer.concat(pages)
  }

  find(patterns: readonly string[]) {
    return patterns.flatMap((pattern, which) => {
      const places: { address: bigint; which: number }[] = []
      for (let at = this.#bytes.indexOf(pattern); at >= 0; at = this.#bytes.indexOf(pattern, at + 1))
        places.push({ address: BASE + BigInt(at), which })
      return places
    })
  }

  findWords() {
    return []
  }

  readWhole(address: bigint, length: number): DataView | null {
    const at = Number(address - BASE)
    if (at < 0 || at + length > this.#bytes.length) return null
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, length)
  }
}

/** Pieces of the memory of daemons of the lab's guests, by what they are. */
export const PIECES: Readonly<Record<string, { program: string; text: string }>> = JSON.parse(
  readFileSync(new URL('./fixtures/heap-records.json', import.meta.url), 'utf8'),
)

export function piece(name: string): string {
  return PIECES[name]?.text ?? ''
}

export function daemon(program: string, texts: readonly string[], container: string | null = null): Daemon {
  return { pid: 325, program, container, heap: () => new TextHeap(texts) }
}
