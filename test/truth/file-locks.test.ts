/** Locks against /proc/locks of the guests themselves. */

import { describe, expect, it } from 'vitest'
import { sharedImages, table } from './images.js'

/** `1: FLOCK  ADVISORY  WRITE 238 fe:00:13121 0 EOF` */
function wanted(line: string): Record<string, unknown> {
  const [, kind = '', , mode = '', pid, place = '', start, end] = line.trim().split(/\s+/)
  const [major = '', minor = '', inode] = place.split(':')
  const kinds: Record<string, string> = { FLOCK: 'flock', OFDLCK: 'ofd', POSIX: 'posix', LEASE: 'lease' }
  return {
    kind: kinds[kind],
    mode: mode.toLowerCase(),
    lock_pid: Number(pid),
    device: `${Number.parseInt(major, 16)}:${Number.parseInt(minor, 16)}`,
    inode: Number(inode),
    start: Number(start),
    end: end === 'EOF' ? null : Number(end),
    state: 'held',
    blocked_by: null,
  }
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has every line of /proc/locks, and none else', () => {
      const { rows, warnings } = table('file-locks', image.as('elf'))
      const lines = image.text('raw/proc-locks.txt').trim().split('\n')
      expect(lines.length).toBeGreaterThan(1)
      for (const line of lines) expect(rows, line).toContainEqual(expect.objectContaining(wanted(line)))
      expect(rows).toHaveLength(lines.length)
      expect(warnings).toEqual([])
    })

    it('names who holds each, also where it is of an open file', () => {
      const { rows } = table('file-locks', image.as('elf'))
      expect(rows.filter(({ pid }) => pid === null)).toEqual([])
      const database = rows.find(({ path }) => path === '/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db')
      expect(database).toMatchObject({ comm: 'containerd', mode: 'write' })
      for (const { kind, comm } of rows) if (kind === 'ofd') expect(comm).toBe('dockerd')
    })
  })
}
