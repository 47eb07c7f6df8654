/** Names of containers on a copy of an image in which Docker's own files have left the page cache. */

import { describe, expect, it } from 'vitest'
import { sharedImage, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

// biome-ignore lint/suspicious/noExplicitAny: what docker printed
type Told = any

const image = sharedImage('docker-debian12')
const KEPT = /^\/var\/lib\/docker\/containers\/[0-9a-f]{64}\/(?:config\.v2|hostconfig)\.json$/
/** Without an endpoint of its own, and exited. */
const NAMELESS = ['corp-sidecar', 'corp-migrate']

describe(`${image.title}, without the files of containers`, () => {
  image.require()
  const evicted = (path: string) => (kernel: Parameters<typeof word>[0]) =>
    table('files', path)
      .rows.filter((row) => KEPT.test(row.path as string))
      .flatMap(({ address }): Patch[] =>
        ['i_data.i_pages.xa_head', 'i_data.nrpages'].map((member) => {
          const { at, value } = word(kernel, BigInt(address as string), 'struct inode', member)
          return [at, value, 0n]
        }),
      )
  /** Where the daemon's memory can be read it is asked first. */
  const daemon =
    (path: string) =>
    (kernel: Parameters<typeof word>[0]): Patch => {
      const [row] = table('processes', path).rows.filter(({ comm }) => comm === 'dockerd')
      const { at, value } = word(kernel, BigInt(row?.address as string), 'struct task_struct', 'mm')
      return [at, value, 0n]
    }
  const copy = patchedCopy(image, (kernel, path) => {
    const patches = evicted(path)(kernel)
    expect(patches.length).toBe(40)
    return [...patches, daemon(path)(kernel)]
  })

  it('are in libnetwork’s database, and said to be from there', () => {
    const inspected: Told[] = image.truth('raw/docker-inspect.json')
    // What left the page cache is no damage: the table is whole, and says what it lacks.
    const { rows, warnings } = table('containers', copy.path)
    expect(warnings).toContainEqual(expect.objectContaining({ code: 'note', count: 20 }))
    const told = inspected.map(({ Id, Name }) => ({ id: Id, name: Name.slice(1) }))
    expect(told).toHaveLength(10)
    const named = rows.filter(({ name }) => name !== null)
    console.log(`names of containers without their files: ${named.length}/${told.length}`)
    for (const { id, name } of told) {
      const row = rows.find((each) => each.id === id)
      const known = NAMELESS.includes(name) ? null : name
      expect(row?.name, name).toBe(known)
      const sources = row?.sources as Record<string, string>
      expect(sources.name, name).toBe(known === null ? undefined : 'local-kv.db (carved)')
    }
    const networks = (name: string) => rows.find((row) => row.name === name)?.networks
    expect(networks('shop-web-1')).toEqual([{ name: 'shop_frontend', interface: 'eth0', address: '172.30.0.2/24' }])
    expect(networks('corp-hostnet')).toEqual([{ name: 'host', interface: null, address: null }])
  })
})
