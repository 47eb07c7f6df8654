/** Memory made by an attacker to make a reader run out of time or memory: what is read is capped, and it is said. */

import { afterAll, describe, expect, it } from 'vitest'
import { Edited, intact, member, removeImages, task, value } from './image.js'
import { rows, salvor, table } from './salvor.js'

const TASK = 'struct task_struct'
const DENTRY = 'struct dentry'
const MIB = 1 << 20
const dockerd = 325
const inContainer = 863

afterAll(removeImages)

/** Distance of a member from its object. */
const at = (type: string, path: string): number => {
  const object = 0xffff_8880_0000_0000n
  return Number(member(object, type, path) - object)
}

/** Lays objects of one size one after the other, each linked to the next, and closes the ring at `head`. */
function ring(
  image: Edited,
  head: bigint,
  object: Buffer,
  count: number,
  link: number,
  distance = object.length,
): void {
  const start = image.add(count * distance + object.length, (memory, address) => {
    for (let index = 0; index < count; index++) object.copy(memory, index * distance)
    for (let index = 0; index < count; index++) {
      const here = index * distance + link
      const to = (other: number): bigint =>
        other < 0 || other >= count ? head : address + BigInt(other * distance + link)
      memory.writeBigUInt64LE(to(index + 1), here)
      memory.writeBigUInt64LE(to(index - 1), here + 8)
    }
  })
  image.set(head, start + BigInt(link)).set(head + 8n, start + BigInt((count - 1) * distance + link))
}

/** An object's bytes as the sample has them. */
function bytesOf(image: Edited, address: bigint, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let offset = 0; offset + 8 <= size; offset += 8)
    bytes.writeBigUInt64LE(image.u64(address + BigInt(offset)), offset)
  return bytes
}

describe('as many as fit', () => {
  it('tasks within one another, all with the longest arguments there are', async () => {
    const image = new Edited()
    const mm = value(task(dockerd), TASK, 'mm')
    image.set(member(mm, 'struct mm_struct', 'arg_end'), value(mm, 'struct mm_struct', 'arg_start') + (128n << 10n))
    const size = at(TASK, 'tasks') + 16
    const object = bytesOf(image, task(dockerd), size)
    const init = intact.address('init_task') ?? 0n
    // 16 bytes each: all that a link needs, and no task.
    ring(image, member(init, TASK, 'tasks'), object, 400_000, at(TASK, 'tasks'), 16)
    const run = await salvor(['processes', image.file(), '--format', 'ndjson'])
    expect(run.code).toBe(5)
    expect(rows(run).filter(({ pid }) => pid === dockerd)).toHaveLength(1)
  })

  it('whole copies of a task, which all obey what a task obeys', async () => {
    const image = new Edited()
    const object = bytesOf(image, task(dockerd), 8192)
    const init = intact.address('init_task') ?? 0n
    ring(image, member(init, TASK, 'tasks'), object, 3000, at(TASK, 'tasks'))
    const run = await salvor(['processes', image.file(), '--format', 'ndjson'])
    expect(run.code).toBe(5)
    expect(rows(run).filter(({ pid }) => pid === dockerd)).toHaveLength(1)
  })

  it('names in a directory', async () => {
    const image = new Edited()
    const root = value(task(1), TASK, 'fs->root.dentry')
    const head = member(root, DENTRY, 'd_subdirs')
    const object = bytesOf(image, image.u64(head) - BigInt(at(DENTRY, 'd_child')), 192)
    ring(image, head, object, 70_000, at(DENTRY, 'd_child'))
    const found = await table('containers', image.file())
    expect(found.code).toBe(6)
    expect(found.rows.length).toBeGreaterThan(0)
  })

  it('cgroups within one another', async () => {
    const image = new Edited()
    const dfl = value(value(task(inContainer), TASK, 'cgroups'), 'struct css_set', 'dfl_cgrp')
    const object = bytesOf(image, dfl, 2048)
    ring(image, member(dfl, 'struct cgroup', 'self.children'), object, 300_000, at('struct cgroup', 'self.sibling'), 16)
    const run = await salvor(['cgroups', image.file(), '--format', 'ndjson'])
    expect(run.code).toBe(5)
    expect(rows(run).length).toBeGreaterThan(10)
    expect(rows(run).length).toBeLessThan(200)
  })

  it('candidates for the scan', async () => {
    const image = new Edited()
    const size = at(TASK, 'tasks') + 4096
    const victim = task(dockerd)
    const object = bytesOf(image, victim, Math.min(size, 8192))
    const [pointer, target] = [at(TASK, 'cpus_ptr'), at(TASK, 'cpus_mask')]
    image.add(32 * MIB, (memory, address) => {
      for (let start = 0; start + object.length <= memory.length; start += 1024) {
        object.copy(memory, start)
      }
      for (let start = 0; start + object.length <= memory.length; start += 64) {
        memory.writeBigUInt64LE(address + BigInt(start + target), start + pointer)
      }
    })
    const run = await salvor(['process-scan', image.file(), '--format', 'ndjson'])
    expect([0, 5, 6]).toContain(run.code)
    expect(rows(run).some(({ pid, status }) => pid === dockerd && status === 'live')).toBe(true)
  })
})

describe('a file in the page cache', () => {
  const inode = findInode(['var', 'lib', 'docker', 'containers'], 'config.v2.json')

  it.each([
    ['of 2^62 bytes', 2n ** 62n],
    ['of 2^63 bytes', 2n ** 63n],
  ])('%s', async (_what, size) => {
    const found = await table('containers', new Edited().set(member(inode, 'struct inode', 'i_size'), size).file())
    expect(found.rows.length).toBeGreaterThan(0)
    expect([5, 6]).toContain(found.code)
  })
})

/** The inode of a file below a directory of directories. */
function findInode(path: readonly string[], name: string): bigint {
  const children = (dentry: bigint) =>
    intact
      .at([dentry], DENTRY)
      .walk({ kind: 'list', head: 'd_subdirs', type: DENTRY, link: 'd_child' })
      .select({ name: { path: 'd_name.name', as: 'string' }, inode: 'd_inode' })
  const named = (dentry: bigint, wanted: string) => {
    const batch = children(dentry)
    for (let row = 0; row < batch.length; row++) {
      if (batch.column('name').text(row) === wanted && batch.column('inode').number(row)) return batch.address(row)
    }
    return null
  }
  let at = value(task(1), TASK, 'fs->root.dentry')
  for (const part of path) at = named(at, part) ?? 0n
  for (const container of children(at).addresses) {
    const file = named(container, name)
    if (file !== null) return value(file, DENTRY, 'd_inode')
  }
  throw new Error(`the sample has no ${name}`)
}
