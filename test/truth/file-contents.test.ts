/** Files streamed from the page cache, against what the guests recorded of them and what their kernels counted. */

import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FileContents } from '../../dist/src/kernel/file-contents.js'
import { CachedFiles } from '../../dist/src/kernel/files.js'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { list, text } from '../../dist/src/kernel/query.js'
import { sharedImages } from './images.js'

/** Files that the guests recorded. */
const RECORDED = { '/etc/passwd': 'etc-passwd', '/etc/hostname': 'etc-hostname', '/etc/os-release': 'etc-os-release' }

function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Hash of a file that is wholly in memory, taken piece by piece. */
async function hashOf(file: FileContents | null): Promise<string> {
  const hash = createHash('sha256')
  let end = 0
  const summary = await file?.copyTo({
    write(bytes, offset) {
      expect(offset).toBe(end)
      expect(bytes.length).toBeLessThanOrEqual(1 << 20)
      end += bytes.length
      hash.update(bytes)
    },
  })
  expect(summary).toMatchObject({ present: file?.size, hole: 0, 'not cached': 0, unreadable: 0 })
  return hash.digest('hex')
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    const warnings: string[] = []
    let kernel: Kernel
    let files: CachedFiles | null = null
    beforeAll(() => {
      if (image.missing) return
      kernel = Kernel.attach(Kernel.open(image.as('elf'), { cacheDir: null }).id, ({ message }) =>
        warnings.push(message),
      )
      const tasks = kernel.symbol('init_task', 'struct task_struct').walk(list('tasks', 'struct task_struct', 'tasks'))
      const init = [...tasks.select({ pid: 'pid' })].find(({ pid }) => pid === 1)
      files = CachedFiles.of(kernel, init?.address ?? 0n)
    })
    afterAll(() => kernel?.close())

    const fileOf = (path: string): FileContents | null => {
      const found = files?.read(path)
      return found?.text == null ? null : kernel.fileContents(found.address)
    }

    it('streams files to the same hashes as the guest had', async () => {
      for (const [path, name] of Object.entries(RECORDED)) {
        expect(await hashOf(fileOf(path)), path).toBe(sha256(image.text(`raw/${name}.txt`)))
      }
      if (image.name !== 'docker-debian12') return
      const lines = Array.from({ length: 2000 }, (_, line) => `LAB-MARKER-HOST-2fd4e1c6 ${line + 1}\n`)
      expect(await hashOf(fileOf('/srv/data/marker-host.txt'))).toBe(sha256(lines.join('')))
    })

    it('finds as many pages of every file as its kernel counted', () => {
      const blocks = kernel.list('super_blocks', 'struct super_block', 's_list').select(
        { kind: text('s_type->name') },
        {
          inodes: {
            walk: list('s_inodes', 'struct inode', 'i_sb_list'),
            select: { pages: 'i_mapping->nrpages', host: 'i_mapping->host' },
          },
        },
      )
      const inodes = blocks.child('inodes')
      let [compared, pages, missing] = [0, 0, 0]
      for (let row = 0; row < inodes.length; row++) {
        const kind = blocks.column('kind').text(inodes.parents[row] ?? 0)
        const counted = inodes.column('pages').number(row) ?? 0
        // Blocks of a device are filled one by one, and pages for writing into a tmpfs perhaps never.
        if (counted === 0 || (kind !== 'ext4' && kind !== 'tmpfs')) continue
        const inode = inodes.address(row)
        const file = kernel.fileContents(inode)
        // What a file had before it was cut short is no longer its own.
        if (file === null || file.size === 0) continue
        const runs = [...file.runs()]
        const held = runs.filter(({ state }) => state === 'present')
        const found = held.reduce((sum, { length }) => sum + Math.ceil(length / 4096), 0)
        if (kind === 'ext4') expect(found, inode.toString(16)).toBe(counted)
        let end = 0
        for (const { offset, length } of runs) {
          expect(offset).toBe(end)
          end += length
        }
        expect(end).toBe(file.size)
        const absent = kind === 'tmpfs' ? ['present', 'hole'] : ['present', 'not cached']
        expect(absent).toEqual(expect.arrayContaining(runs.map(({ state }) => state)))
        compared++
        pages += found
        missing += file.size - held.reduce((sum, { length }) => sum + length, 0)
      }
      expect(compared).toBeGreaterThan(700)
      expect(pages).toBeGreaterThan(40_000)
      expect(missing).toBeGreaterThan(0)
      expect(warnings).toEqual([])
    })

    it('gives the bytes that a column gives, and says what is no inode', () => {
      const passwd = fileOf('/etc/passwd')
      const bytes = Buffer.concat(
        [...(passwd ?? [])].map((piece) => ('bytes' in piece ? piece.bytes : Buffer.alloc(0))),
      )
      expect(bytes.toString()).toBe(files?.read('/etc/passwd').text)
      expect(kernel.fileContents(0x1000n)).toBeNull()
      expect(warnings.pop()).toBe('an inode could not be read')
    })
  })
}
