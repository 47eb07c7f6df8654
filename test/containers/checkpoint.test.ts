/** Checkpoint archives, as readers of such archives take them apart. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import * as fc from 'fast-check'
import * as tar from 'tar'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { findCheckpointctl } from '../../scripts/checkpointctl.mjs'
import { shownCall } from '../../src/containers/checkpoint/call.js'
import { criuImages } from '../../src/containers/checkpoint/criu.js'
import { TarWriter } from '../../src/containers/checkpoint/tar.js'
import { addressBytes, ipv6Text } from '../../src/kernel/net-addresses.js'
import { sharedImage, table } from '../truth/images.js'

interface Member {
  path: string
  type: string
  mode: number
  link: string
  bytes: Buffer
}

/** Members of a tar, as a library reads them. */
function membersOf(archive: Uint8Array): Member[] {
  const members: Member[] = []
  const parser = new tar.Parser({
    sync: true,
    strict: true,
    onReadEntry: (entry) => {
      const pieces: Buffer[] = []
      const { path, type, mode = 0, linkpath = '' } = entry
      const member = { path, type, mode, link: linkpath, bytes: Buffer.alloc(0) }
      members.push(member)
      entry.on('data', (piece) => pieces.push(Buffer.from(piece)))
      entry.on('end', () => {
        member.bytes = Buffer.concat(pieces)
      })
    },
  })
  parser.end(Buffer.from(archive))
  return members
}

/** Entries of an image, each as its members by their numbers. */
function entriesOf(image: Uint8Array, prefix = 8): Map<number, unknown>[] {
  const bytes = Buffer.from(image)
  const entries: Map<number, unknown>[] = []
  for (let at = prefix; at < bytes.length; ) {
    const size = bytes.readUInt32LE(at)
    entries.push(fieldsOf(bytes.subarray(at + 4, at + 4 + size)))
    at += 4 + size
  }
  return entries
}

function fieldsOf(bytes: Uint8Array): Map<number, unknown> {
  const reader = new BinaryReader(bytes)
  const fields = new Map<number, unknown>()
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag()
    fields.set(field, wire === WireType.Varint ? Number(reader.uint64()) : reader.bytes())
  }
  return fields
}

/** Memory that a tar is written to. */
class Memory {
  bytes = Buffer.alloc(0)

  writeAt(offset: number, bytes: Uint8Array): void {
    const length = Math.max(this.bytes.length, offset + bytes.length)
    this.bytes = Buffer.concat([this.bytes, Buffer.alloc(length - this.bytes.length)])
    this.bytes.set(bytes, offset)
  }
}

test('a tar has its members, those of a tar in it, long names and links', async () => {
  const memory = new Memory()
  const writer = new TarWriter(memory)
  const long = `${'folder/'.repeat(40)}file`
  writer.file('first', Buffer.from('one'))
  await writer.inner('inner.tar', async (inner) => {
    inner.add({ path: 'empty/', type: 'Directory', mode: 0o1777 })
    inner.add({ path: 'link', type: 'SymbolicLink', mode: 0o777, target: '/etc/passwd' })
    await inner.contents({ path: long, type: 'File', mode: 0o4755 }, 1000, async (put) => {
      put(Buffer.from('end'), 997)
      put(Buffer.from('beyond its size'), 1000)
    })
  })
  writer.file('last', Buffer.alloc(513, 7))
  writer.end()
  const [first, inner, last, ...more] = membersOf(memory.bytes)
  expect(more).toEqual([])
  expect(first).toMatchObject({ path: 'first', bytes: Buffer.from('one') })
  expect(last).toMatchObject({ path: 'last', bytes: Buffer.alloc(513, 7) })
  const within = membersOf(inner?.bytes ?? new Uint8Array())
  expect(within).toMatchObject([
    { path: 'empty/', type: 'Directory', mode: 0o1777 },
    { path: 'link', type: 'SymbolicLink', link: '/etc/passwd' },
    { path: long, type: 'File', mode: 0o4755, bytes: Buffer.concat([Buffer.alloc(997), Buffer.from('end')]) },
  ])
})

test('any name and any bytes come back', () => {
  const name = fc
    .string({ minLength: 1, maxLength: 300, unit: 'binary' })
    .filter((text) => !/[\0/\\]|^\.\.?$|[\ud800-\udfff]/.test(text))
  fc.assert(
    fc.property(name, fc.uint8Array({ maxLength: 2000 }), (path, bytes) => {
      const memory = new Memory()
      const writer = new TarWriter(memory)
      writer.file(path, bytes)
      writer.end()
      expect(membersOf(memory.bytes)).toMatchObject([{ path, bytes: Buffer.from(bytes) }])
    }),
    { numRuns: 200 },
  )
})

test('an address comes back from its text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat({ max: 16 }), (bytes, zeros) => {
      const address = bytes.fill(0, 0, zeros)
      expect(addressBytes(ipv6Text(address))).toEqual(address)
    }),
  )
  expect(addressBytes('::ffff:10.0.2.15')).toEqual(Uint8Array.of(...Array(10).fill(0), 255, 255, 10, 0, 2, 15))
  expect(addressBytes('10.0.2.15')).toEqual(Uint8Array.of(10, 0, 2, 15))
  expect([addressBytes(''), addressBytes('10.0.2')]).toEqual([null, null])
})

const noMemory = { places: Array.from({ length: 11 }, () => 0n), exe: '', areas: [], runs: [] }

test('images have their magic numbers, and what stands in them', () => {
  const state = 'stopped' as const
  const process = { tid: 7, comm: 'nginx', parent: 0, group: 7, session: 7, state, cwd: '/srv', root: '/' }
  const threads = [
    { tid: 7, comm: 'nginx' },
    { tid: 9, comm: 'worker' },
  ]
  const files = [{ fd: 3, path: '/var/log/x', flags: 0o2, position: 2 ** 40 }]
  const none = { address: new Uint8Array(), port: 0 }
  const local = { address: Uint8Array.of(10, 0, 2, 15), port: 80 }
  const connected = { inode: 77, family: 2, type: 1, protocol: 6, state: 1, local, remote: { ...local, port: 4000 } }
  const named = { inode: 78, family: 1, type: 1, protocol: 0, state: 10, local: none, remote: none }
  const sockets = [
    { fd: 4, ...connected, name: new Uint8Array() },
    { fd: 5, ...named, name: Buffer.from('\0x') },
  ]
  const images = new Map(
    criuImages([{ ...process, threads, files, sockets, memory: noMemory }], 'x86_64').map(({ name, bytes }) => [
      name,
      Buffer.from(bytes),
    ]),
  )
  expect([...images.keys()].sort()).toEqual([
    'core-7.img',
    'core-9.img',
    'fdinfo-1.img',
    'files.img',
    'fs-7.img',
    'ids-7.img',
    'inventory.img',
    'mm-7.img',
    'pagemap-7.img',
    'pstree.img',
  ])
  const of = (name: string) => images.get(name) ?? Buffer.alloc(0)
  expect(of('inventory.img').readUInt32LE(0)).toBe(0x58313116)
  expect([of('pstree.img').readUInt32LE(0), of('pstree.img').readUInt32LE(4)]).toEqual([0x54564319, 0x50273030])
  // Of the threads, which are one member each, the last is kept.
  expect([...(entriesOf(of('pstree.img'))[0] ?? [])]).toEqual([
    [1, 7],
    [2, 0],
    [3, 7],
    [4, 7],
    [5, 9],
  ])
  const core = entriesOf(of('core-7.img'))[0]
  expect(core?.get(1)).toBe(1)
  const task = fieldsOf(core?.get(3) as Uint8Array)
  expect([task.get(1), Buffer.from(task.get(6) as Uint8Array).toString()]).toEqual([3, 'nginx'])
  const opened = entriesOf(of('files.img'))
  const [internet, unix] = [4, 16].map((member) => opened.find((entry) => entry.has(member)))
  const [isk, usk] = [internet?.get(4), unix?.get(16)].map((bytes) => fieldsOf(bytes as Uint8Array))
  expect([2, 3, 4, 5, 6, 7, 8, 11].map((field) => isk?.get(field))).toEqual([77, 2, 1, 6, 1, 80, 4000, 0x0f02000a])
  expect([usk?.get(2), usk?.get(4), Buffer.from(usk?.get(11) as Uint8Array).toString()]).toEqual([78, 10, '\0x'])
  expect(entriesOf(of('fdinfo-1.img')).map((entry) => [entry.get(3), entry.get(4)])).toEqual([
    [1, 3],
    [4, 4],
    [5, 5],
  ])
  const open = opened.flatMap((entry) => (entry.has(3) ? [fieldsOf(entry.get(3) as Uint8Array)] : []))
  expect(open.map((file) => Buffer.from(file.get(6) as Uint8Array).toString())).toEqual([
    ...['/srv', '/', '/var/log/x'],
    '',
  ])
  expect(open[2]?.get(3)).toBe(2 ** 40)
})

test('memory of a process has its areas, and the runs of pages that lie in the file beside it', () => {
  const state = 'alive' as const
  const process = { tid: 7, comm: 'x', parent: 0, group: 7, session: 7, state, cwd: '/', root: '/' }
  const areas = [
    { start: 0x400000n, end: 0x401000n, permissions: 'r-xp', offset: 0x1000n, path: '/bin/x' },
    { start: 0x7fff0000n, end: 0x7fff3000n, permissions: 'rw-p', offset: null, path: '[stack]' },
    { start: 0x7fff8000n, end: 0x7fff9000n, permissions: 'rw-s', offset: 0n, path: '/dev/shm/y' },
  ]
  const places = Array.from({ length: 11 }, (_, place) => BigInt(place) << 40n)
  const runs = [
    { address: 0x7fff0000n, pages: 1 },
    { address: 0x7fff2000n, pages: 1 },
  ]
  const memory = { places, exe: '/bin/x', areas, runs }
  const images = new Map(
    criuImages([{ ...process, threads: [], files: [], sockets: [], memory }], 'x86_64').map(({ name, bytes }) => [
      name,
      Buffer.from(bytes),
    ]),
  )
  const of = (name: string) => images.get(name) ?? Buffer.alloc(0)
  expect([of('mm-7.img').readUInt32LE(4), of('pagemap-7.img').readUInt32LE(4)]).toEqual([0x57492820, 0x56084025])
  const [head, ...entries] = entriesOf(of('pagemap-7.img'))
  expect([...(head ?? [])]).toEqual([[1, 1]])
  expect(entries.map((entry) => [entry.get(1), entry.get(2), entry.get(4), entry.get(5)])).toEqual([
    [0x7fff0000, 1, 4, 1],
    [0x7fff2000, 1, 4, 1],
  ])
  const reader = new BinaryReader(of('mm-7.img').subarray(12))
  const found: Map<number, unknown>[] = []
  const numbers: number[] = []
  while (reader.pos < reader.len) {
    const [field] = reader.tag()
    if (field === 14) found.push(fieldsOf(reader.bytes()))
    else numbers.push(Number(reader.uint64()))
  }
  // Where things lie, and the number of its program's file, behind its directory and its root.
  expect(numbers).toEqual([...places.map(Number), 3])
  // Start, end, offset, file, protection, flags and status of each.
  expect(found.map((area) => [1, 2, 3, 4, 5, 6, 7].map((field) => area.get(field)))).toEqual([
    [0x400000, 0x401000, 0x1000, 4, 5, 2, 0x41],
    [0x7fff0000, 0x7fff3000, 0, 0, 3, 0x22, 0x203],
    [0x7fff8000, 0x7fff9000, 0, 5, 3, 1, 0x81],
  ])
})

test.each([
  ['nginx\0-g\0A=1\0B=2\0', 9, ['nginx\0-g\0', 'A=1\0B=2\0']],
  // A title that was written over both.
  ['nginx: master -g\0\0\0\0A=1\0', 9, ['nginx: master -g\0', 'A=1\0']],
  ['nginx: master process', 9, ['nginx: master process', '']],
  // What is no variable.
  ['sh\0\0\0 rest\0A=1\0B=2\0=3\0C=4\0', 3, ['sh\0', 'A=1\0B=2\0']],
  ['sh\0A=1', 3, ['sh\0', 'A=1']],
  ['sh\0', 3, ['sh\0', '']],
])('%j has arguments and variables', (text, end, expected) => {
  const bytes = Buffer.from(text)
  const [start, until, from, last] = shownCall(bytes, end, end)
  expect([bytes.subarray(start, until).toString(), bytes.subarray(from, last).toString()]).toEqual(expected)
})

for (const [name, container] of [
  ['docker-debian12', 'shop-web-1'],
  ['k8s-debian13', 'toolbox'],
] as const) {
  const image = sharedImage(name)
  describe(image.title, () => {
    image.require()
    let folder = ''
    let row: Record<string, unknown> = {}
    beforeAll(() => {
      if (image.missing) return
      folder = mkdtempSync(join(tmpdir(), 'salvor-checkpoint-'))
      const { rows } = table('checkpoint', image.as('elf'), '--of-container', container, '-d', join(folder, 'out'))
      row = rows[0] ?? {}
    }, 120_000)
    afterAll(() => {
      if (folder !== '') rmSync(folder, { recursive: true })
    })
    const archive = () => join(folder, 'out', (row.file as { file: string }).file)
    const read = () => new Map(membersOf(readFileSync(archive())).map((member) => [member.path, member]))

    it('has what an archive of a checkpoint has', () => {
      const members = read()
      const json = (path: string) => JSON.parse(`${members.get(path)?.bytes ?? null}`)
      expect(json('config.dump')).toMatchObject({ id: row.container, name: container, createdTime: expect.any(String) })
      expect(json('spec.dump')).toMatchObject({ ociVersion: expect.any(String), process: { args: expect.any(Array) } })
      expect(row).toMatchObject({ declared: true, partial: (json('partial.files') as string[]).length })
      expect(json('deleted.files')).toHaveLength(row.deleted as number)
      const comms = [...members.keys()].filter((path) => path.startsWith('checkpoint/core-'))
      const tree = entriesOf(members.get('checkpoint/pstree.img')?.bytes ?? Buffer.alloc(0))
      expect(tree.length).toBe(row.processes)
      expect(comms.length).toBeGreaterThanOrEqual(tree.length)
      const pids = new Set(tree.map((entry) => entry.get(1)))
      expect(pids.size).toBe(tree.length)
      expect(tree.filter((entry) => entry.get(2) === 0)).toHaveLength(1)
      expect(tree.every((entry) => entry.get(2) === 0 || pids.has(entry.get(2)))).toBe(true)
      expect(membersOf(members.get('rootfs-diff.tar')?.bytes ?? Buffer.alloc(0))).toHaveLength(row.files as number)
    })

    it('has the files that were put into the upper layer, with their bytes', () => {
      const rootfs = membersOf(read().get('rootfs-diff.tar')?.bytes ?? Buffer.alloc(0))
      const dropped = rootfs.find(({ path }) => path === (name === 'docker-debian12' ? 'tmp/.d' : 'root/.bash_history'))
      if (name === 'docker-debian12') {
        expect(dropped?.bytes.subarray(0, 4).toString('latin1')).toBe('\x7fELF')
        expect(dropped?.mode).toBe(0o755)
      }
      expect(rootfs.length).toBeGreaterThan(2)
    })

    /** Pages of each process by the numbers of its pid namespace, and what it was called with. */
    const pagesOf = (members: ReadonlyMap<string, Buffer>) =>
      entriesOf(members.get('checkpoint/pstree.img') ?? Buffer.alloc(0)).map((entry, place) => {
        const [head, ...runs] = entriesOf(members.get(`checkpoint/pagemap-${entry.get(1)}.img`) ?? Buffer.alloc(8))
        const pages = members.get(`checkpoint/pages-${place + 1}.img`) ?? Buffer.alloc(0)
        expect(head?.get(1)).toBe(place + 1)
        expect(runs.reduce((sum, run) => sum + Number(run.get(5)) * 4096, 0)).toBe(pages.length)
        return pages
      })
    const told = image.missing ? [] : image.processes().filter(({ exe, cmdline }) => exe !== null && cmdline.length > 1)
    /** A stack has what its process was called with. */
    const isToldBy = (pages: Buffer) => told.some(({ cmdline }) => pages.includes(cmdline.join('\0')))

    it('has of the memory of its processes what these were called with, and all of it where that is asked for', () => {
      const few = pagesOf(new Map([...read()].map(([path, { bytes }]) => [path, bytes])))
      expect(row.memory).toBe(few.reduce((sum, pages) => sum + pages.length, 0))
      expect(few.filter(isToldBy).length).toBeGreaterThan(0)
      for (const pages of few) expect(pages.length).toBeLessThan(1 << 16)
      const asked = ['--of-container', container, '--process-memory', '-d', join(folder, 'with')]
      const [all = {}] = table('checkpoint', image.as('elf'), ...asked).rows
      const archived = readFileSync(join(folder, 'with', (all.file as { file: string }).file))
      const whole = pagesOf(new Map(membersOf(archived).map((member) => [member.path, member.bytes])))
      const bytes = whole.reduce((sum, pages) => sum + pages.length, 0)
      expect(all.memory).toBe(bytes)
      expect(bytes).toBeGreaterThan(1 << 20)
      expect(whole.filter(isToldBy).length).toBe(few.filter(isToldBy).length)
    }, 120_000)

    it('is shown by checkpointctl, where that is installed', async ({ skip }) => {
      const { path = '', why } = await findCheckpointctl()
      skip(why !== undefined, why)
      const checkpointctl = (...args: string[]) => {
        const { status, stdout, stderr } = spawnSync(path, [...args, archive()], { encoding: 'utf8' })
        expect(stderr).toBe('')
        expect(status).toBe(0)
        return stdout
      }
      expect(checkpointctl('show')).toContain(container)
      const all = checkpointctl('inspect', '--all')
      const members = read()
      const tree = entriesOf(members.get('checkpoint/pstree.img')?.bytes ?? Buffer.alloc(0))
      for (const pid of tree.map((entry) => entry.get(1))) expect(all).toMatch(new RegExp(`\\[${pid}[\\] ]`))
      for (const shown of ['Process tree', 'Environment variables', 'Open files', 'Overview of mounts', 'CRIU dump'])
        expect(all).toContain(shown)
      const listening = table('sockets', image.as('elf'), '--container', container).rows.find(
        ({ state, local_port, pid }) => state === 'LISTEN' && Number(local_port) > 0 && pid !== null,
      )
      if (name === 'docker-debian12')
        expect(all).toContain(`[TCP (LISTEN)]  ${listening?.local_address}:${listening?.local_port}`)
      // The memory of each first process has what it was called with, and a reader finds that.
      const told = image.processes().filter(({ cmdline }) => all.includes(cmdline.join(' ')))
      expect(told.length).toBeGreaterThan(0)
      const sizes = checkpointctl('memparse')
      expect(sizes.split('\n').filter((line) => /^\d+ /.test(line))).toHaveLength(row.processes as number)
    })

    it('is shown by checkpointctl for a container that has ended, too', async ({ skip }) => {
      const { path = '', why } = await findCheckpointctl()
      skip(why !== undefined, why)
      const ended = table('containers', image.as('elf')).rows.find(({ state }) => state === 'exited')
      const asked = ['--of-container', String(ended?.id), '-d', join(folder, 'ended')]
      const [one = {}] = table('checkpoint', image.as('elf'), ...asked).rows
      const file = join(folder, 'ended', (one.file as { file: string }).file)
      const { status, stdout } = spawnSync(path, ['inspect', '--all', file], { encoding: 'utf8' })
      expect([one.processes, status, /\[1(?: \(Dead\))?\]/.test(stdout)]).toEqual([0, 0, true])
    })

    it('is decoded by crit, where that is installed', ({ skip }) => {
      skip(spawnSync('crit', ['--help']).error !== undefined, 'crit is not installed')
      // One of each kind: it takes a second for each.
      const images = new Map(
        [...read().values()].flatMap((member) => {
          const [, kind] = /^checkpoint\/(?!pages-)([a-z]+)(?:-\d+)?\.img$/.exec(member.path) ?? []
          return kind === undefined ? [] : [[kind, member] as const]
        }),
      )
      expect(images.size).toBe(9)
      for (const { path, bytes } of images.values()) {
        const file = join(folder, 'image')
        writeFileSync(file, bytes)
        const { status, stdout, stderr } = spawnSync('crit', ['decode', '-i', file], { encoding: 'utf8' })
        expect([path, status, stderr]).toEqual([path, 0, ''])
        expect(JSON.parse(stdout)).toMatchObject({ magic: expect.any(String), entries: expect.any(Array) })
      }
    })
  })
}
