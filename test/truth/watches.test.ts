/** Watches against the fdinfo of the guests' own descriptors. */

import { describe, expect, it } from 'vitest'
import { sharedImages, table } from './images.js'

interface Held {
  pid: number
  comm: string
  fds: { fd: number; target: string; fdinfo: string }[]
}

const BITS: Record<string, number> = {
  access: 0x1,
  modify: 0x2,
  attributes: 0x4,
  close_write: 0x8,
  close_nowrite: 0x10,
  open: 0x20,
  moved_from: 0x40,
  moved_to: 0x80,
  create: 0x100,
  delete: 0x200,
  delete_self: 0x400,
  move_self: 0x800,
}
const hex = (text: string | undefined) => Number.parseInt(text ?? '', 16)
/** s_dev: twenty bits of the minor. */
const device = (dev: number) => `${dev >>> 20}:${dev & 0xfffff}`

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has every watch of every inotify descriptor, and none else', () => {
      const { rows, warnings } = table('watches', image.as('elf'))
      const found = new Map(rows.map((row) => [`${row.pid} ${row.fd} ${row.wd}`, row]))
      const known = new Set<string>()
      const descriptors = new Set<string>()
      const moves = /^(?:systemd(?:-udevd)?|kubelet)$/
      let gone = 0
      for (const { pid, comm, fds } of image.parts<Held>('processes.json')) {
        for (const { fd, target, fdinfo } of fds) {
          if (target !== 'anon_inode:inotify') continue
          descriptors.add(`${pid} ${fd}`)
          const lines = fdinfo.matchAll(/^inotify wd:(\w+) ino:(\w+) sdev:(\w+) mask:(\w+) /gm)
          for (const [line, wd, inode, dev, mask] of lines) {
            const key = `${pid} ${fd} ${hex(wd)}`
            known.add(key)
            const row = found.get(key)
            // The recorder's own cgroup went away with it, and udev took its watches anew.
            if (row === undefined && moves.test(comm)) {
              gone++
              continue
            }
            expect(row, `pid ${pid} ${line}`).toMatchObject({
              comm,
              kind: 'inotify',
              of: 'inode',
              inode: hex(inode),
              device: device(hex(dev)),
            })
            const events = row?.events as string[]
            expect(events.reduce((sum, event) => sum + (BITS[event] ?? 0), 0)).toBe(hex(mask) & 0xfff)
          }
        }
      }
      expect(known.size).toBeGreaterThan(100)
      expect(gone).toBeLessThan(10)
      const spare = rows.filter(
        ({ pid, comm, fd, wd }) =>
          descriptors.has(`${pid} ${fd}`) && !known.has(`${pid} ${fd} ${wd}`) && !moves.test(String(comm)),
      )
      expect(spare).toEqual([])
      expect(warnings).toEqual([])
    })

    it('shows what is watched by its path', () => {
      const { rows } = table('watches', image.as('elf'))
      expect(rows.filter(({ comm }) => comm === 'systemd-udevd').map(({ path }) => path)).toContain('/dev/vdb')
      const watched = rows.filter(({ comm, pid }) => comm === 'systemd' && pid === 1)
      expect(watched.filter(({ path }) => String(path).startsWith('/sys/fs/cgroup/')).length).toBeGreaterThan(10)
    })
  })
}
