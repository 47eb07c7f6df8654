/**
 * Objects that were freed or taken by somebody else while memory was copied, each made in a copy of an image: what a list
 * still leads to is no row, or has no cell, that is not borne out by the object itself.
 */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { NF_CONN, TASK_STRUCT } from '../../dist/src/kernel/objects.js'
import { type Paths, text } from '../../dist/src/kernel/query.js'
import { partialTable, sharedImages, type TruthImage, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

type Row = Record<string, unknown>

const addressOf = (row: Row | undefined) => BigInt(`${row?.address}`)

/** A word of an object made another. */
function put(kernel: Kernel, object: bigint, type: string, path: Paths, change: (old: bigint) => bigint): Patch {
  const { at } = word(kernel, object, type, path)
  const old = kernel.at([at], 'unsigned long').select({ value: '' }).column('value').bigint(0) ?? 0n
  return [at, old, BigInt.asUintN(64, change(old))]
}

/** The lower half of a word made nothing: a counter that nobody holds. */
const none = (old: bigint) => (old >> 32n) << 32n

/** Two processes of a container, one thread each. */
function pair(image: TruthImage): [number, number] {
  const [one, other] = image
    .processes()
    .filter(({ cgroup, num_threads }) => num_threads === 1 && /[0-9a-f]{64}/.test(`${cgroup}`))
  if (one === undefined || other === undefined) throw new Error('there are no two processes in containers')
  return [one.pid, other.pid]
}

for (const image of sharedImages()) {
  describe(`a copy of ${image.title} with objects that went while it was made`, () => {
    image.require()
    const gone = {
      pid: 0,
      start: '',
      mount: {} as Row,
      below: [] as Row[],
      connection: '',
      ended: 0,
      unheard: 0,
      files: [] as unknown[],
    }
    const reused = { socket: '' as unknown, connection: '' as unknown, inode: '' as unknown, symbol: '' }
    const copy = patchedCopy(image, (kernel, path) => {
      const rows = (name: string) => table(name, path).rows
      const [first, second] = pair(image)
      const tasks = new Map(rows('processes').map((row) => [row.pid, addressOf(row)]))
      const mm = word(kernel, tasks.get(second) ?? 0n, TASK_STRUCT, 'mm').value
      const mapping = rows('memory-maps').find(({ pid, path: file }) => pid === first && file !== null)
      const mounts = rows('mounts')
      const mount = mounts.find(({ container, target }) => container !== null && target === '/proc') ?? {}
      const connection = rows('connections-tracked').find(({ state }) => state === 'ESTABLISHED')
      const supers = kernel
        .list('super_blocks', 'struct super_block', 's_list')
        .select({ type: text('s_type->name', 16), inode: 's_root->d_inode' })
      const root = Array.from({ length: supers.length }, (_, row) => row).find(
        (row) => supers.column('type').text(row) === 'mqueue',
      )
      const inode = supers.column('inode').bigint(root ?? 0) ?? 0n
      const others = image
        .processes()
        .filter(({ pid, kthread, num_threads }) => !kthread && num_threads === 1 && pid > 1)
      const [ended, ...rest] = others.filter(({ pid, cgroup }) => {
        return pid !== first && pid !== second && !/[0-9a-f]{64}/.test(`${cgroup}`)
      })
      const handling = new Set(rows('signals').flatMap(({ pid, handler }) => (handler === null ? [] : [pid])))
      const unheard = rest.find(({ pid }) => handling.has(pid))
      const cred = word(kernel, tasks.get(ended?.pid) ?? 0n, TASK_STRUCT, 'real_cred').value
      const handlers = word(kernel, tasks.get(unheard?.pid) ?? 0n, TASK_STRUCT, 'sighand').value
      Object.assign(gone, { pid: first, start: mapping?.start, mount, connection: connection?.address })
      gone.below = mounts.filter(({ mnt_ns, parent_id }) => mnt_ns === mount.mnt_ns && parent_id === mount.id)
      Object.assign(gone, { ended: ended?.pid, unheard: unheard?.pid })
      const opened = rows('open-files').filter(({ type, pid }) => type === 'file' && pid !== ended?.pid)
      const single = opened.filter(({ address }) => opened.filter((row) => row.address === address).length === 1)
      const [freed, renamed] = single
      const another = single.find(({ inode, device }) => inode !== renamed?.inode && device === renamed?.device)
      gone.files = [freed?.address, renamed?.address]
      const counted = word(kernel, addressOf(freed), 'struct file', 'f_count.counter')
      const itsInode = word(kernel, addressOf(another), 'struct file', 'f_inode').value
      const held = rows('open-files').find(({ type, pid }) => type === 'socket' && pid === 1)
      const closed = rows('sockets').find(({ protocol, state }) => protocol === 'tcp' && state === 'ESTABLISHED')
      const cached = rows('file-payers').find(({ path: name }) => `${name}`.startsWith('/usr/lib/'))
      const made = kernel.list('bpf_kallsyms', 'struct bpf_ksym', 'lnode').select({ start: 'start' })
      Object.assign(reused, { socket: held?.address, connection: closed?.address, inode: cached?.address })
      reused.symbol = `0x${made.column('start').bigint(0)?.toString(16)}`
      const itsFile = 'container_of(f_inode, struct socket_alloc, vfs_inode)->socket.file'
      return [
        put(kernel, addressOf(held), 'struct file', itsFile, () => addressOf(another)),
        put(kernel, addressOf(closed), 'struct sock_common', 'skc_refcnt.refs.counter', none),
        put(kernel, addressOf(cached), 'struct inode', 'i_data.nrpages', () => 0n),
        put(kernel, made.address(0), 'struct bpf_ksym', 'start', () => 0n),
        put(kernel, addressOf(mapping), 'struct vm_area_struct', 'vm_mm', () => mm),
        put(kernel, addressOf(mount), 'struct mount', 'mnt_parent', () => addressOf(mount)),
        // IPS_DYING.
        put(kernel, addressOf(connection), NF_CONN, 'status', (old) => old | 0x200n),
        put(kernel, inode, 'struct inode', 'i_count.counter', none),
        put(kernel, inode, 'struct inode', 'i_fop', () => kernel.symbolAddress('commit_creds') ?? 0n),
        put(kernel, cred, 'struct cred', 'user_ns', () => cred),
        put(kernel, handlers, 'struct sighand_struct', 'count.refs.counter', none),
        [counted.at, counted.value, 0n],
        put(kernel, addressOf(renamed), 'struct file', 'f_inode', () => itsInode),
      ]
    })

    it('has no mapping that is of other memory', () => {
      const { rows, warnings } = partialTable('memory-maps', copy.path)
      expect(rows.filter(({ pid }) => pid === gone.pid).length).toBeGreaterThan(3)
      expect(rows.filter(({ pid, start }) => pid === gone.pid && start === gone.start)).toEqual([])
      expect(warnings.map(({ code }) => code)).toContain('torn')
    })

    it('has no open file that nobody holds, or that is none of its own name', () => {
      const { rows, warnings } = partialTable('open-files', copy.path)
      expect(gone.files.every((address) => typeof address === 'string')).toBe(true)
      expect(rows.filter(({ address }) => gone.files.includes(address))).toEqual([])
      const whole = table('open-files', image.as('raw')).rows.filter(({ pid }) => pid !== gone.ended)
      const socket = whole.filter(({ address }) => address === reused.socket)
      expect(socket.length).toBeGreaterThan(0)
      expect(rows.filter(({ address }) => address === reused.socket)).toEqual([])
      expect(rows).toHaveLength(whole.length - gone.files.length - socket.length)
      expect(warnings).toContainEqual(expect.objectContaining({ code: 'torn', count: gone.files.length }))
    })

    it('has no mount that stands alone, and no place of those below', () => {
      const { rows, warnings } = partialTable('mounts', copy.path)
      expect(rows.filter(({ address }) => address === gone.mount.address)).toEqual([])
      expect(gone.below.length).toBeGreaterThan(0)
      for (const { address } of gone.below) {
        expect(rows.find((row) => row.address === address)).toMatchObject({ target: null })
      }
      expect(warnings).toContainEqual(expect.objectContaining({ code: 'torn', count: gone.below.length + 1 }))
    })

    it('has no connection that is on its way out', () => {
      const { rows } = partialTable('connections-tracked', copy.path)
      expect(rows.length).toBeGreaterThan(3)
      expect(rows.filter(({ address }) => address === gone.connection)).toEqual([])
    })

    it('finds no socket in a table that nobody holds there', () => {
      const { rows, warnings } = partialTable('sockets', copy.path)
      const inTable = (all: readonly Row[]) =>
        all.filter(({ address, found_by }) => address === reused.connection && `${found_by}`.includes('table'))
      expect(inTable(table('sockets', image.as('raw')).rows)).toHaveLength(1)
      expect(inTable(rows)).toEqual([])
      expect(warnings.map(({ code }) => code)).toContain('torn')
    })

    it('counts no pages to a file that has none', () => {
      const { rows, warnings } = partialTable('file-payers', copy.path)
      expect(rows.length).toBeGreaterThan(100)
      expect(rows.filter(({ address }) => address === reused.inode)).toEqual([])
      expect(warnings).toContainEqual(expect.objectContaining({ code: 'torn', count: 1 }))
    })

    it('has no symbol of what was a program', () => {
      const { rows } = partialTable('kernel-symbols', copy.path)
      const programs = (all: readonly Row[]) => all.filter(({ module }) => module === 'bpf').map((row) => row.address)
      expect(programs(table('kernel-symbols', image.as('raw')).rows)).toContain(reused.symbol)
      expect(programs(rows)).not.toContain(reused.symbol)
      expect(programs(rows)).not.toContain('0x0')
    })

    it('suspects nothing where an inode is being freed', () => {
      const { rows } = partialTable('kernel-hooks', copy.path)
      expect(rows.length).toBeGreaterThan(1500)
      expect(rows.filter(({ suspicious }) => suspicious !== false)).toEqual([])
    })

    it('doubts a task whose credentials are none, and does not show them', () => {
      expect(partialTable('processes', copy.path).rows.filter(({ pid }) => pid === gone.ended)).toEqual([])
      const rows = table('process-scan', copy.path).rows.filter(({ pid }) => pid === gone.ended)
      expect(rows).toMatchObject([{ status: 'doubtful', uid: null, gid: null, euid: null, egid: null }])
    })

    it('says nothing of handlers that nobody has', () => {
      expect(
        partialTable('signals', copy.path).rows.filter(({ pid, handler }) => pid === gone.unheard && handler !== null),
      ).toEqual([])
      expect(
        table('signals', image.as('raw')).rows.some(({ pid, handler }) => pid === gone.unheard && handler !== null),
      ).toBe(true)
    })
  })
}
