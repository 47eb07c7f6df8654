/**
 * Six things that a rootkit does, each in a copy of an image that the test itself changes: the table for it finds and names
 * what was done, and says nothing of the kind about the image as it was.
 */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { at, changed, entry, hiddenTask, jump, NOWHERE, offList, outOfHash, outOfIdr, whole } from './changes.js'
import { sharedImages, type TruthImage, table } from './images.js'
import { type Patch, patchedCopy } from './patched.js'

type Row = Record<string, unknown>

interface Change {
  table: string
  options?: readonly string[]
  /** Changes memory; answers how the table is to name what was changed. */
  make(kernel: Kernel, rows: (table: string) => Row[], image: TruthImage): { patches: Patch[]; row: Row }
  /** Whether a row says that something is not as it should be. */
  reports(row: Row): boolean
}

/** __NR_getdents64 of x86-64: what lists folders. */
const GETDENTS64 = 217n

const addressOf = (row: Row | undefined) => BigInt(`${row?.address}`)

const CHANGES: Readonly<Record<string, Change>> = {
  'a syscall entry redirected': {
    table: 'kernel-hooks',
    options: ['--suspicious'],
    make: (kernel) => ({
      patches: [whole(kernel, at(kernel, 'sys_call_table') + GETDENTS64 * 8n, NOWHERE)],
      row: { kind: 'syscall', name: 'sys_call_table', index: Number(GETDENTS64), symbol: null, module: null },
    }),
    reports: ({ kind }) => kind === 'syscall',
  },
  'a function’s first bytes patched': {
    table: 'kernel-hooks',
    options: ['--suspicious'],
    make: (kernel) => {
      const place = at(kernel, 'vfs_read') + entry(kernel, 'vfs_read')
      return {
        patches: [changed(kernel, place, (code) => jump(code, 0, place, NOWHERE))],
        row: { kind: 'function', name: expect.stringMatching(/^vfs_read/), module: null },
      }
    },
    reports: ({ kind }) => kind === 'function',
  },
  'a module unlinked': {
    table: 'modules',
    make: (kernel, rows) => {
      const { name, address } = rows('modules').find((row) => row.name === 'overlay') ?? {}
      const patches = offList(kernel, addressOf({ address }), 'struct module', 'list')
      return { patches, row: { name, address, found_by: ['kset', 'tree', 'scan'] } }
    },
    reports: ({ found_by }) => !(found_by as string[]).includes('list'),
  },
  'a socket taken out of its hash': {
    table: 'sockets',
    make: (kernel, rows) => {
      const held = rows('sockets').filter(({ protocol, state, pid }) => {
        return protocol === 'tcp' && state === 'ESTABLISHED' && pid !== null
      })
      const { address, pid, inode, local_port, remote_port } = held[0] ?? {}
      const row = { address, pid, inode, local_port, remote_port, unhashed: true }
      return { patches: outOfHash(kernel, addressOf(held[0])), row }
    },
    reports: ({ unhashed }) => unhashed !== false,
  },
  'a program out of the IDR': {
    table: 'bpf-programs',
    make: (kernel, rows) => {
      const { id, name, tag, type } = rows('bpf-programs').find(({ pid }) => pid !== null) ?? {}
      return { patches: [outOfIdr(kernel, 'prog_idr', Number(id))], row: { id, name, tag, type, hidden: true } }
    },
    reports: ({ hidden }) => hidden !== false,
  },
  'a task unlinked': {
    table: 'process-scan',
    make: (kernel, rows, image) => {
      const { pid, comm, exe } = image.processes().find((one) => one.exe?.endsWith('(deleted)')) ?? {}
      const task = rows('processes').find((row) => row.pid === pid)
      return {
        patches: hiddenTask(kernel, addressOf(task)),
        row: { pid, comm, exe, status: 'live', unlisted: 'hidden' },
      }
    },
    reports: ({ unlisted }) => unlisted === 'hidden',
  },
}

for (const image of sharedImages()) {
  describe.each(Object.entries(CHANGES))(`%s, in a copy of ${image.title}`, (_, change) => {
    image.require()
    const read = (path: string) => table(change.table, path, ...(change.options ?? [])).rows.filter(change.reports)
    let wanted: Row = {}
    const copy = patchedCopy(image, (kernel, path) => {
      const { patches, row } = change.make(kernel, (name) => table(name, path).rows, image)
      wanted = row
      return patches
    })

    it('is found and named', () => {
      const found = read(copy.path)
      expect(found.length).toBeGreaterThan(0)
      // A socket has a row for each descriptor of it, a function one for each of its places.
      for (const row of found) expect(row).toMatchObject(wanted)
    })

    it('is not in the image as it was', () => {
      expect(read(image.as('raw'))).toEqual([])
    })
  })
}
