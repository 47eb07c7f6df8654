/** A file that lies outside of the mount it is open on: what open_by_handle_at() makes, and no path leads to. */

import { evaluateRule } from 'salvor/testing'
import { describe, expect, it } from 'vitest'
import rule from '../../dist/plugins/rules/privilege-escalation/opened-by-handle.js'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { addressOf } from '../../dist/src/kernel/query.js'
import { sharedImage, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

type Row = Record<string, unknown>

/** A file that a container has open on its root, and the mount of its /etc/hosts. */
function pair(path: string): { file: Row; hosts: Row } {
  const mounts = table('mounts', path).rows
  for (const file of table('open-files', path).rows) {
    const root = mounts.find(({ id, target }) => id === file.mount_id && target === '/')
    const hosts = mounts.find(({ mnt_ns, target }) => mnt_ns === root?.mnt_ns && target === '/etc/hosts')
    if (file.type === 'file' && file.container !== null && root?.type === 'overlay' && hosts) return { file, hosts }
  }
  throw new Error('no container has a file open on its root')
}

// No container of the other one has a file open on its root.
for (const image of [sharedImage('docker-debian12')]) {
  describe(`${image.title} in which a file is open past its mount`, () => {
    image.require()
    const copy = patchedCopy(image, (kernel: Kernel): Patch[] => {
      const { file, hosts } = pair(image.as('elf'))
      const { at, value } = word(kernel, BigInt(`${file.address}`), 'struct file', 'f_path.mnt')
      const mount = kernel.at([BigInt(`${hosts.address}`)], 'struct mount').select({ mnt: addressOf('mnt') })
      return [[at, value, mount.column('mnt').bigint(0) ?? 0n]]
    })
    const found = (path: string) =>
      evaluateRule(rule, {
        files: table('open-files', path).rows as object[],
        mounts: table('mounts', path).rows as object[],
        processes: table('processes', path).rows as object[],
        programs: table('memory-programs', path).rows as object[],
      })

    it('has no name, and the rule finds it, and nothing on the image itself', () => {
      const { file, hosts } = pair(image.as('elf'))
      const rows = table('open-files', copy.path).rows.filter(({ address }) => address === file.address)
      expect(rows[0]).toMatchObject({ type: 'file', path: '/', mount_id: hosts.id, inode: file.inode })
      const own = found(copy.path)
      expect(own.length).toBeGreaterThan(0)
      for (const { about, summary } of own) {
        expect(about?.container).toBe(file.container)
        expect(summary).toContain('past the mount at ‘/etc/hosts’')
      }
      expect(found(image.as('elf'))).toEqual([])
    })
  })
}
