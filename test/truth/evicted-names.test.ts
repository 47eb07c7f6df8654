/** Names of containers where Docker's own files have left the page cache: in a guest that dropped it, and on a copy of an image. */

import { describe, expect, it } from 'vitest'
import { droppedSample, sharedImage, table } from './images.js'
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

describe('a guest with Docker 26 that dropped its page cache', () => {
  const dropped = droppedSample()
  const inspected: Told[] = dropped.truth('raw/docker-inspect.json')
  const running = inspected.filter(({ State }) => State.Running)
  /** It was renamed, and dockerd's memory has both names. */
  const RENAMED = 'corp-after'

  it('tells name and image of all running ones, each its own, and nothing of any other', () => {
    const { rows, warnings } = table('containers', dropped.as('lime'))
    expect(running).toHaveLength(11)
    expect(rows.map(({ id }) => id).sort()).toEqual(running.map(({ Id }) => Id).sort())
    expect(warnings.filter(({ code }) => code === 'disagree')).toEqual([])
    for (const told of running) {
      const row = rows.find(({ id }) => id === told.Id)
      const name = told.Name.slice(1)
      const from = name === RENAMED ? 'local-kv.db (carved)' : 'memory of dockerd'
      expect(row).toMatchObject({
        ...{ name, image: told.Config.Image, hostname: told.Config.Hostname, state: told.State.Status },
        sources: { name: from, image: 'memory of dockerd' },
      })
      const addresses = Object.values<Told>(told.NetworkSettings.Networks).flatMap(({ IPAddress, IPPrefixLen }) =>
        IPAddress === '' ? [] : [`${IPAddress}/${IPPrefixLen}`],
      )
      const networks = row?.networks as { address: string | null }[]
      // One that shares the network of another has all that is its; docker says none of it.
      const lender = /^container:(.+)$/.exec(told.HostConfig.NetworkMode)?.[1]
      if (lender === undefined)
        expect(networks.flatMap(({ address }) => address ?? []).sort(), name).toEqual(addresses.sort())
      else expect(networks, name).toEqual(rows.find(({ id }) => id === lender)?.networks)
      // The kernel made the first process before dockerd wrote down that it had started: seconds on a busy host.
      const late = Date.parse(told.State.StartedAt) - Date.parse(`${row?.started}`)
      expect(late, name).toBeGreaterThanOrEqual(0)
      expect(late, name).toBeLessThan(60_000)
    }
  })

  describe('where dockerd’s memory cannot be read either', () => {
    const copy = patchedCopy(dropped, (kernel, path) => {
      const row = table('processes', path).rows.find(({ comm }) => comm === 'dockerd')
      const { at, value } = word(kernel, BigInt(row?.address as string), 'struct task_struct', 'mm')
      return [[at, value, 0n]]
    })

    it('tells the names of those with endpoints from libnetwork’s database, and no other', () => {
      const { rows } = table('containers', copy.path)
      const named = rows.filter(({ name }) => name !== null)
      console.log(`names without dockerd's memory and files: ${named.length}/${running.length}`)
      // One has no endpoint of its own.
      expect(named).toHaveLength(running.length - 1)
      for (const row of named) {
        const told = running.find(({ Id }) => Id === row.id)
        expect(row).toMatchObject({ name: told.Name.slice(1), sources: { name: 'local-kv.db (carved)' } })
      }
      expect(rows.find(({ name }) => name === null)?.id).toBe(running.find(({ Name }) => Name === '/corp-sidecar').Id)
    })
  })
})
