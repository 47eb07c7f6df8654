import type { CachedFiles } from '../../src/containers/cached-files.js'

type Entry = ReturnType<CachedFiles['list']>[number]

/** A directory tree in memory: path → text, or → { link } for a symbolic link. Directories come of themselves. */
export class FakeFiles implements CachedFiles {
  readonly #nodes = new Map<string, Entry>()
  readonly #children = new Map<string, Entry[]>()
  readonly #texts = new Map<string, string>()
  readonly #links = new Map<string, string>()
  readonly #present = new Map<string, string>()

  constructor(tree: Record<string, string | { link: string } | { present: string } | null>) {
    for (const [path, content] of Object.entries(tree)) {
      if (content === null) this.#add(path, 'directory')
      else if (typeof content === 'string') {
        this.#add(path, 'file')
        this.#texts.set(path, content)
      } else if ('link' in content) {
        this.#add(path, 'symlink')
        this.#links.set(path, content.link)
      } else {
        this.#add(path, 'file')
        this.#present.set(path, content.present)
      }
    }
    for (const entries of this.#children.values()) entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  list(path: string): Entry[] {
    return this.#children.get(path) ?? []
  }

  read(path: string): ReturnType<CachedFiles['read']> {
    const text = this.#texts.get(path)
    const address = this.#nodes.get(path)?.address
    return text === undefined || address === undefined ? { text: null, reason: 'not cached' } : { text, address }
  }

  readlink(path: string): string | null {
    return this.#links.get(path) ?? null
  }

  readPresent(path: string): { text: string; address: bigint } | null {
    const text = this.#present.get(path)
    const address = this.#nodes.get(path)?.address
    return text === undefined || address === undefined ? null : { text, address }
  }

  #add(path: string, kind: Entry['kind']): void {
    if (this.#nodes.has(path)) return
    const cut = path.lastIndexOf('/')
    const address = 0xffff_8880_0000_0000n + BigInt(this.#nodes.size + 1) * 0x100n
    const entry: Entry = { name: path.slice(cut + 1), path, kind, address }
    this.#nodes.set(path, entry)
    if (cut < 0) return
    const parent = path.slice(0, cut)
    if (parent !== '') this.#add(parent, 'directory')
    this.#children.set(parent, [...(this.#children.get(parent) ?? []), entry])
  }
}
