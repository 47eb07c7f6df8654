/** Files in memory against what the guests' processes ran and had open, and what was planted. */

import { describe, expect, it } from 'vitest'
import { sharedImages, table } from './images.js'

interface Planted {
  name: string
  path?: string
  marker?: string
  memfd?: string
  container?: string
  pids?: number[]
}

interface Seen {
  pid: number
  exe: string | null
  exe_inode?: number
  exe_size?: number
  fds: { target: string; dev?: number; inode?: number; size?: number; fdinfo: string }[]
}

/** dev_t as user space has it: twelve bits of the major, twenty of the minor. */
const device = (dev: number) => `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`
const DELETED = ' (deleted)'

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has every program that ran and every file that was open, with its size', () => {
      const { rows } = table('files', image.as('elf'))
      expect(new Set(rows.map(({ address }) => address)).size).toBe(rows.length)
      const known = new Map(rows.map((row) => [`${row.device} ${row.inode}`, row]))
      const devices = new Set(rows.map((row) => row.device))
      let compared = 0
      for (const { pid, exe, exe_inode, exe_size, fds } of image.parts<Seen>('processes.json')) {
        if (exe !== null && exe_inode !== undefined) {
          const bare = exe.endsWith(DELETED) ? exe.slice(0, -DELETED.length) : exe
          const found = rows.filter(({ path, inode }) => String(path).endsWith(bare) && inode === exe_inode)
          expect(found, `pid ${pid} ${exe}`).toContainEqual(
            expect.objectContaining({ size: exe_size, type: 'file', deleted: exe !== bare }),
          )
        }
        for (const { target, dev, inode } of fds) {
          if (dev === undefined || inode === undefined || !devices.has(device(dev))) continue
          compared++
          const row = known.get(`${device(dev)} ${inode}`)
          expect(row, `pid ${pid} ${target}`).toMatchObject({ deleted: target.endsWith(DELETED) })
        }
      }
      expect(compared).toBeGreaterThan(150)
    })

    it('shows what is cached of a file of an overlay, wherever it lies', () => {
      const { rows } = table('files', image.as('elf'))
      const programs = rows.filter(
        ({ path, mount_id }) => mount_id !== null && /\/bin\/(?:busybox|sleep|pause)$/.test(String(path)),
      )
      expect(programs.length).toBeGreaterThan(1)
      expect(programs.filter(({ cached_bytes }) => Number(cached_bytes) > 0)).not.toEqual([])
      // Programs of images are theirs, and only overlays have layers.
      const layers = programs.map(({ device, layer }) => [/^0:/.test(String(device)), layer])
      expect(layers).toContainEqual([true, 'lower'])
      expect(layers).not.toContainEqual([false, 'lower'])
    })
  })
}

describe('what was planted in docker-debian12', () => {
  const [image] = sharedImages()
  image?.require()
  const planted = () => new Map(image?.truth<Planted[]>('planted.json').map((each) => [each.name, each]))
  const rows = () => table('files', image?.as('elf') ?? '').rows

  it('is there: marker-host, marker-container, cron-file, unlinked-open-file, deleted-exe, memfd', () => {
    const [plan, found] = [planted(), rows()]
    const at = (path: string, container: string | null) =>
      found.find((row) => row.path === path && row.container_name === container)
    const path = (name: string) => plan.get(name)?.path ?? ''
    const whole = { type: 'file', deleted: false }
    expect(at(path('marker-host'), null)).toMatchObject({ ...whole, size: 58893, cached_bytes: 61440 })
    expect(at(path('marker-container'), plan.get('marker-container')?.container ?? '')).toMatchObject({
      ...whole,
      size: 68893,
      cached_bytes: 69632,
      layer: 'upper',
    })
    expect(at(path('cron-file'), null)).toMatchObject(whole)
    expect(at(path('unlinked-open-file'), null)).toMatchObject({ type: 'file', deleted: true, links: 0 })
    expect(at(path('deleted-exe'), null)).toMatchObject({ type: 'file', deleted: true, mode: '-rwxr-xr-x' })
    expect(found.find((row) => row.path === `/memfd:${plan.get('memfd')?.memfd}`)).toMatchObject({ deleted: true })
    for (const row of found.filter((row) => row.path === path('marker-host'))) {
      expect(String(row.born).slice(0, 10)).toBe(String(row.modified).slice(0, 10))
    }
  })
})
