/** `struct pipe_inode_info`: what was written to pipes and nobody has read yet (include/linux/pipe_fs_i.h). */

import type { Kernel } from './kernel.js'
import { type Contents, type Piece, pageAddresses, readContents } from './memory-pieces.js'
import { TASK_STRUCT } from './objects.js'
import { array, index, type Nested } from './query.js'

const PIPE = 'struct pipe_inode_info'
/** S_IFMT and S_IFIFO (include/uapi/linux/stat.h). */
const [KIND, FIFO] = [0o170000, 0o010000]
/** FMODE_READ and FMODE_WRITE (include/linux/fs.h). */
const [READS, WRITES] = [1n, 2n]
/** Buffers of a pipe; fs.pipe-max-size allows 256 of them, and root what it likes. */
const MOST_BUFFERS = 1 << 16

/** A descriptor of a pipe. */
export interface PipeEnd {
  task: bigint
  fd: number | null
  reads: boolean
  writes: boolean
}

/** A pipe that is not empty. */
export interface PipeQueue extends Contents {
  /** Of its `struct pipe_inode_info`. */
  address: bigint
  inode: number | bigint | null
  packets: number
  size: number
  ends: readonly PipeEnd[]
}

const FILES = {
  walk: array('files->fdt->fd', { count: 'files->fdt->max_fds', pointers: true, type: 'struct file', most: 1 << 20 }),
  select: {
    fd: index(),
    access: 'f_mode',
    mode: 'f_inode->i_mode',
    inode: 'f_inode->i_ino',
    pipe: 'f_inode->i_pipe',
  },
} satisfies Nested

/** Buffers by their place in the ring; before 5.5 the ring is told by its first buffer and their number. */
const BUFFERS = {
  walk: array('bufs', { count: ['ring_size', 'buffers'], most: MOST_BUFFERS }),
  select: { slot: index(), page: 'page', offset: 'offset', length: 'len' },
} satisfies Nested

/** All pipes that a descriptor of some tasks leads to and that hold something. */
export function readPipeQueues(kernel: Kernel, tasks: readonly bigint[]): PipeQueue[] {
  const owners = kernel.at(tasks, TASK_STRUCT).select({}, { files: FILES })
  const files = owners.child('files')
  const pipes = new Map<bigint, { inode: number | bigint | null; ends: PipeEnd[] }>()
  for (const [row, owner] of files.parents.entries()) {
    const pipe = files.column('pipe').bigint(row) ?? 0n
    if (((files.column('mode').number(row) ?? 0) & KIND) !== FIFO || pipe === 0n) continue
    const known = pipes.get(pipe) ?? { inode: files.column('inode').exact(row), ends: [] }
    const access = files.column('access').bigint(row) ?? 0n
    known.ends.push({
      task: owners.address(owner),
      fd: files.column('fd').number(row),
      reads: (access & READS) !== 0n,
      writes: (access & WRITES) !== 0n,
    })
    pipes.set(pipe, known)
  }
  const rings = kernel.at(pipes.keys(), PIPE).select(
    {
      first: ['tail', 'curbuf'],
      last: ['head', 'nrbufs'],
      size: ['ring_size', 'buffers'],
      older: ['head & 0', 'nrbufs & 0 + 1'],
    },
    { buffers: BUFFERS },
  )
  const buffers = rings.child('buffers')
  const byPipe = buffers.byParent()
  const addressOfPage = pageAddresses(kernel)
  const found = [...pipes].flatMap(([address, pipe], row) => {
    const number = (name: 'first' | 'last' | 'size' | 'older') => rings.column(name).number(row) ?? 0
    const [first, size] = [number('first'), number('size')]
    const filled = number('older') === 1 ? number('last') : (number('last') - first) & 0xffff
    const slots = byPipe.get(row) ?? []
    if (filled === 0 || filled > size || slots.length !== size) return []
    const parts = Array.from({ length: filled }, (_, at): Piece => {
      const slot = slots[(first + at) % size] ?? 0
      const page = addressOfPage(buffers.column('page').bigint(slot) ?? 0n)
      const [offset, length] = [buffers.column('offset').number(slot) ?? 0, buffers.column('length').number(slot) ?? 0]
      return { address: page === null ? 0n : page + BigInt(offset), length }
    })
    return [{ address, ...pipe, packets: filled, size: parts.reduce((sum, { length }) => sum + length, 0), parts }]
  })
  return readContents(
    kernel,
    found.filter(({ size }) => size > 0),
  )
}
