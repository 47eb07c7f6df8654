/** Files written out of memory, against what was put into them. */

import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sharedImage, table } from './images.js'

interface Planted {
  name: string
  path?: string
  marker?: string
  content?: string
  library?: string
  memfd?: string
  container?: string
  pids?: number[]
}

interface Written {
  path: string
  container_name: string | null
  size: number
  present: number
  whole: boolean
  missing: string[]
  sha256: string | null
  deleted: boolean
  file: { file: string; bytes: number; sha256: string } | null
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-extract-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const lines = (text: string) => Array.from({ length: 2000 }, (_, line) => `${text} ${line + 1}\n`).join('')

for (const name of ['docker-debian12', 'k8s-debian13']) {
  const image = sharedImage(name)
  describe(image.title, () => {
    image.require()

    const extract = (...options: string[]) =>
      table('extract', image.as('elf'), '--force', '--output-dir', folder, ...options).rows as unknown as Written[]

    /** The bytes of a file that is whole, which are what its row says. */
    const bytesOf = ({ whole, sha256, size, missing, file }: Written): Buffer => {
      expect({ whole, missing, bytes: file?.bytes }).toEqual({ whole: true, missing: [], bytes: size })
      const bytes = readFileSync(join(folder, file?.file ?? ''))
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
      return bytes
    }

    if (name === 'docker-debian12') {
      it('gives the bytes of every planted file', () => {
        const plan = new Map(image.truth<Planted[]>('planted.json').map((each) => [each.name, each]))
        const at = (planted: string) => plan.get(planted)?.path ?? ''
        const memory = `/memfd:${plan.get('memfd')?.memfd}`
        const library = plan.get('ld-preload')?.library ?? ''
        const files = ['marker-host', 'marker-container', 'cron-file', 'unlinked-open-file', 'deleted-exe'].map(at)
        const rows = extract(...[...files, memory, library].flatMap((path) => ['--path', path]))
        const written = (path: string) => {
          const found = rows.filter((row) => row.path === path)
          expect(found, path).toHaveLength(1)
          return found[0] as Written
        }
        const text = (planted: string) => bytesOf(written(at(planted))).toString()
        expect(text('marker-host')).toBe(lines(plan.get('marker-host')?.marker ?? ''))
        expect(text('marker-container')).toBe(lines(plan.get('marker-container')?.marker ?? ''))
        expect(written(at('marker-container')).container_name).toBe(plan.get('marker-container')?.container)
        expect(text('cron-file')).toBe(`17 5 * * * root /tmp/.x/kdevtmpfsi # ${plan.get('cron-file')?.marker}\n`)
        const [first, second] = text('unlinked-open-file').split('\n')
        expect([first, second]).toEqual(
          [0, 1].map((n) => plan.get('unlinked-open-file')?.content?.replace(/N$/, `${n}`)),
        )
        expect(written(at('unlinked-open-file')).deleted).toBe(true)
        // Both are copies of one program.
        const program = bytesOf(written(at('deleted-exe')))
        expect(program.subarray(0, 4).toString('latin1')).toBe('\x7fELF')
        expect(bytesOf(written(memory)).equals(program)).toBe(true)
        expect(bytesOf(written(library)).subarray(0, 4).toString('latin1')).toBe('\x7fELF')
      })

      it('gives what a process runs, and no other file', () => {
        const [pid] = image.truth<Planted[]>('planted.json').find((each) => each.name === 'deleted-exe')?.pids ?? []
        const rows = extract('--of-process', String(pid))
        expect(rows.length).toBeLessThan(30)
        expect(rows).toContainEqual(expect.objectContaining({ path: '/tmp/.x/kdevtmpfsi', whole: true }))
        expect(extract('--of-process', String(pid), '--path', '/etc/**')).toEqual([])
      })

      it('puts the layers of a container together as one folder', () => {
        const rows = extract('--of-container', 'corp-batch', '--merged')
        const paths = rows.map(({ path }) => path)
        expect(new Set(paths).size).toBe(paths.length)
        expect(new Set(rows.map(({ container_name }) => container_name))).toEqual(new Set(['corp-batch']))
        const marker = rows.find(({ path }) => path === '/opt/drop/marker.txt')
        expect(marker?.file?.file).toBe('corp-batch/opt/drop/marker.txt')
        const hostname = rows.find(({ path }) => path === '/etc/hostname')
        expect(hostname === undefined ? '' : bytesOf(hostname).toString()).toMatch(/^\S+\n$/)
        expect(rows.filter(({ file }) => file !== null).length).toBeGreaterThan(10)
        for (const { file } of rows) expect(file?.file ?? 'corp-batch/').toMatch(/^corp-batch\//)
      })
    } else {
      it('gives the program that was deleted in a pod, and that of its memory file', () => {
        const rows = extract('--deleted')
        const program = rows.find(({ path }) => path === '/tmp/xmrig') as Written
        expect(program).toMatchObject({ container_name: 'toolbox', deleted: true })
        expect(bytesOf(program).subarray(0, 4).toString('latin1')).toBe('\x7fELF')
        const memory = rows.find(({ path }) => path === '/memfd:dbus-buf') as Written
        expect(bytesOf(memory).equals(bytesOf(program))).toBe(true)
      })
    }

    it('says which bytes of a file are missing', () => {
      const partial = extract('--path', '/usr/**').filter(({ whole, present }) => !whole && present > 0)
      expect(partial.length).toBeGreaterThan(3)
      for (const { size, present, missing, sha256, file } of partial) {
        expect(sha256).toBeNull()
        expect(file?.bytes).toBe(size)
        const lengths = missing.map((stretch) => Number(/^\d+\+(\d+) (?:not cached|unreadable)$/.exec(stretch)?.[1]))
        expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(size - present)
      }
    })
  })
}
