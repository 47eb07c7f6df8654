/** Descriptors against /proc/PID/fd and fdinfo of the guests themselves. */

import { describe, expect, it } from 'vitest'
import { armSamples, samples, sharedImages, table } from './images.js'

interface Descriptor {
  fd: number
  target: string
  fdinfo: string
  dev?: number
  inode?: number
}

interface Opened {
  pid: number
  comm: string
  fds: Descriptor[]
}

function member(text: string, name: string): string | undefined {
  return new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(text)?.[1]
}

/** What fdinfo and stat say; of an inode that they do not name, its link does. */
function wanted({ fd, target, fdinfo, dev, inode }: Descriptor): Record<string, unknown> {
  const named = member(fdinfo, 'ino') ?? inode ?? /:\[(\d+)\]$/.exec(target)?.[1]
  return {
    fd,
    path: target,
    flags: member(fdinfo, 'flags'),
    mount_id: Number(member(fdinfo, 'mnt_id')),
    deleted: target.endsWith(' (deleted)'),
    ...(named === undefined ? {} : { inode: Number(named) }),
    // dev_t as user space has it: twelve bits of the major, twenty of the minor.
    ...(dev === undefined ? {} : { device: `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}` }),
  }
}

/** Samples that were made when this table was there. */
const sampled = [...samples(), ...armSamples()].filter((image) => image.has('open-files.json'))

for (const image of [...sampled, ...sharedImages()]) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has every descriptor of every process, and none else', () => {
      const { rows } = table('open-files', image.as(own))
      const key = (pid: unknown, fd: unknown) => `${pid} ${fd}`
      const found = new Map(rows.map((row) => [key(row.pid, row.fd), row]))
      expect(found.size).toBe(rows.length)
      // Some that systemd and journald had for the recorder were closed before the stop.
      const closes = /^systemd(-journal)?$/
      const known = new Set<string>()
      const recorded = image.parts<Opened>('open-files.json')
      for (const { pid, comm, fds } of recorded) {
        for (const descriptor of fds) {
          known.add(key(pid, descriptor.fd))
          const row = found.get(key(pid, descriptor.fd))
          if (row === undefined && closes.test(comm)) continue
          expect(row, `pid ${pid} (${comm}) fd ${descriptor.fd}`).toMatchObject({ pid, comm, ...wanted(descriptor) })
        }
      }
      expect(known.size).toBeGreaterThan(image.has('open-files.json') ? 60 : 700)
      const pids = new Set(recorded.map(({ pid }) => pid))
      const spare = rows.filter((row) => pids.has(row.pid as number) && !known.has(key(row.pid, row.fd)))
      expect(spare).toEqual([])
    })
  })
}
