/** Working directories of processes against what /proc/PID/cwd recorded, and one that was moved to the host. */

import { describe, expect, it } from 'vitest'
import { sharedImages, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

interface Row {
  address: string
  pid: number
  path: string | null
  mount_id: number | null
  container: string | null
  mnt_ns: number | null
  exe: string | null
}

interface Mount {
  id: number
  mnt_ns: number
}

for (const image of sharedImages()) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has each process in the directory that the guest recorded', () => {
      const recorded = new Map(
        (image.processes() as unknown as { pid: number; cwd: string }[]).map(({ pid, cwd }) => [pid, cwd]),
      )
      const rows = (table('working-directories', image.as(own)).rows as unknown as Row[]).filter(({ pid }) =>
        recorded.has(pid),
      )
      expect(rows.length).toBeGreaterThan(100)
      expect(rows.map(({ pid, path }) => [pid, path])).toEqual(rows.map(({ pid }) => [pid, recorded.get(pid)]))
      expect(new Set(rows.map(({ path }) => path)).size).toBeGreaterThan(1)
    })

    it('has the mount of each: of the namespace that the process is in', () => {
      const rows = table('processes', image.as(own)).rows as unknown as Row[]
      const directories = table('working-directories', image.as(own)).rows as unknown as Row[]
      const at = new Map(directories.map(({ pid, mount_id }) => [pid, mount_id]))
      const mounts = table('mounts', image.as(own)).rows as unknown as Mount[]
      const of = new Map(mounts.map(({ id, mnt_ns }) => [id, mnt_ns]))
      const programs = rows.filter(({ exe }) => exe !== null)
      expect(programs.length).toBeGreaterThan(40)
      for (const { pid, mnt_ns } of programs) expect(of.get(at.get(pid) ?? -1)).toBe(mnt_ns)
    })
  })
  describe(`${image.title} with a container’s process in a directory of the host`, () => {
    image.require()
    const moved = { pid: 0 }
    const copy = patchedCopy(image, (kernel, path) => {
      const rows = table('processes', path).rows as unknown as Row[]
      const [init] = rows
      const victim = rows.find(({ container, mnt_ns }) => container !== null && mnt_ns !== init?.mnt_ns)
      moved.pid = victim?.pid ?? 0
      return ['fs->pwd.mnt', 'fs->pwd.dentry'].map((member): Patch => {
        const [from, to] = [victim, init].map((row) =>
          word(kernel, BigInt(row?.address ?? 0), 'struct task_struct', member),
        )
        return [from?.at ?? 0n, from?.value ?? 0n, to?.value ?? 0n]
      })
    })

    it('is found by the rule for it', () => {
      expect(moved.pid).toBeGreaterThan(1)
      const found = (path: string) =>
        table('findings', path).rows.filter(({ rule }) => rule === 'host-directory-entered')
      expect(found(copy.path)).toMatchObject([{ pid: moved.pid, severity: 'high' }])
      expect(found(image.as(own))).toEqual([])
    })
  })
}
