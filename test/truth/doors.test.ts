/** Small analyzers, as a user's plugin would have them, each of which goes through one door; held against the guests. */

import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sharedImages, type TruthImage, type TruthProcess, table } from './images.js'

const DOORS = join(import.meta.dirname, '..', 'fixtures', 'doors')

/** TCP_ESTABLISHED (include/net/tcp_states.h). */
const ESTABLISHED = '01'

type Row = Record<string, unknown>

function rowsOf(door: string, image: TruthImage, ...options: string[]): Row[] {
  return table(door, image.as('elf'), '--plugin', join(DOORS, `${door}.ts`), ...options).rows
}

interface Opened extends TruthProcess {
  fds: { fd: number; target: string }[]
}

/** Established connections in /proc/net/tcp and tcp6 of every network namespace. */
function connections(image: TruthImage): Row[] {
  const found = readdirSync(join(image.folder, 'truth', 'net')).flatMap((inode) =>
    ['proc-tcp.txt', 'proc-tcp6.txt'].flatMap((file) =>
      image
        .text(join('net', inode, file))
        .split('\n')
        .flatMap((line) => {
          const [, local, remote, state, ...rest] = line.trim().split(/\s+/)
          const port = (text = '') => Number.parseInt(text.split(':')[1] ?? '', 16)
          if (state !== ESTABLISHED) return []
          const address = rest.find((word) => /^ffff[0-9a-f]{12}$/.test(word))
          return [
            { address: `0x${address}`, net_ns: Number(inode), local_port: port(local), remote_port: port(remote) },
          ]
        }),
    ),
  )
  return found
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('shows descriptors with the path that their process sees', () => {
      const key = ({ pid, fd }: Row) => `${pid} ${fd}`
      const found = new Map(rowsOf('descriptors', image).map((row) => [key(row), row.path]))
      const { gone } = image.moved
      const processes = image.truth<Opened[]>('processes.json').filter(({ pid, collector }) => {
        return !collector && !gone.includes(pid)
      })
      // Some that systemd and journald had for the recorder were closed before the stop.
      const closes = /^systemd(-journal)?$/
      let compared = 0
      for (const { pid, comm, fds } of processes) {
        for (const { fd, target } of fds) {
          const path = found.get(key({ pid, fd }))
          if (path === undefined && closes.test(comm)) continue
          expect(path, `pid ${pid} (${comm}) fd ${fd}`).toBe(target)
          compared++
        }
      }
      expect(compared).toBeGreaterThan(700)
    })

    it('finds connections by hash bucket, each with its namespace', () => {
      const want = connections(image)
      const byAddress = new Map(rowsOf('tcp', image).map((row) => [row.address, row]))
      expect(want.length).toBeGreaterThan(7)
      for (const row of want) expect(byAddress.get(row.address)).toMatchObject({ ...row, state: 'TCP_ESTABLISHED' })
    })

    it('resolves pointers to symbol and module', () => {
      const known = new Set(image.text('raw/proc-kallsyms.txt').split('\n'))
      const rows = rowsOf('operations', image)
      expect(rows.length).toBeGreaterThan(20)
      for (const { operations, symbol, module } of rows) {
        const [, name, of] = /^(\w+)(?: \[(\w+)\])?$/.exec(String(symbol)) ?? []
        expect(of ?? 'kernel').toBe(module)
        const line = [...'tTdDrRbBvV'].map((letter) => {
          return `${String(operations).slice(2)} ${letter} ${name}${of === undefined ? '' : `\t[${of}]`}`
        })
        expect(line.filter((text) => known.has(text))).toHaveLength(1)
      }
    })

    it('streams a file out of the page cache, with its hash', () => {
      // Planted on docker-debian12 alone: written, unlinked, and still held open.
      if (image.name !== 'docker-debian12') return
      const lines = Array.from({ length: 256 }, (_, line) => `LAB-UNLINKED-CONTENT-5d41402a line ${line}\n`).join('')
      const folder = mkdtempSync(join(tmpdir(), 'salvor-doors-'))
      try {
        const [row, ...others] = rowsOf('held', image, '--ending', '/.cache-db (deleted)', '--output-dir', folder)
        const sha256 = createHash('sha256').update(lines).digest('hex')
        const file = '_var_tmp_.cache-db (deleted)'
        expect(row).toEqual({
          pid: 1505,
          path: '/var/tmp/.cache-db (deleted)',
          file: { file, bytes: lines.length, sha256 },
        })
        expect(others).toEqual([])
        expect(readFileSync(join(folder, file), 'utf8')).toBe(lines)
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  })
}
