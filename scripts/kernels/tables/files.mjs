// Tables of files, mappings and mounts, as /proc has them.
import { cell, oneOf, within } from '../compare.mjs'
import { lines, unescaped } from '../record.mjs'
import { ofRecorded, who } from './processes.mjs'

const ANONYMOUS = {
  '[eventfd]': 'eventfd',
  '[eventpoll]': 'eventpoll',
  inotify: 'inotify',
  '[signalfd]': 'signalfd',
  '[timerfd]': 'timerfd',
  '[pidfd]': 'pidfd',
  '[io_uring]': 'io_uring',
  '[fanotify]': 'fanotify',
  '[userfaultfd]': 'userfaultfd',
}
/** By the uppermost bits of a mode. */
const KINDS = { 1: 'fifo', 2: 'character', 4: 'directory', 6: 'block', 8: 'file', 10: 'link', 12: 'socket' }

function typeOf({ target, mode }) {
  if (target.startsWith('anon_inode:')) return ANONYMOUS[target.slice('anon_inode:'.length)] ?? 'anon'
  for (const [prefix, type] of [
    ['pipe:[', 'pipe'],
    ['socket:[', 'socket'],
    ['/memfd:', 'memfd'],
  ]) {
    if (target.startsWith(prefix)) return type
  }
  if (target === 'pidfd:[') return 'pidfd'
  if (/^\w+:\[\d+\]$/.test(target)) return oneOf('namespace', 'file', 'pidfd')
  return KINDS[mode >> 12]
}

function openFiles(record) {
  const rows = record.processes.flatMap((task) =>
    record.files(task).map((file) => {
      const moves =
        file.target.startsWith('/dev/console') || file.target.startsWith('/proc/') || file.target.startsWith('/sys/')
      return {
        ...who(task),
        fd: file.fd,
        type: typeOf(file),
        path: unescaped(file.target),
        inode: file.inode,
        device: file.device,
        flags: file.info.flags,
        position: moves ? within(0, 2 ** 40) : Number(file.info.pos),
        size: file.size,
        links: file.links,
        mount_id: Number(file.info.mnt_id),
        deleted: file.target.endsWith(' (deleted)'),
      }
    }),
  )
  return { key: ['pid', 'fd'], rows, ours: ofRecorded(record) }
}

const hex = (text) => `0x${BigInt(`0x${text}`).toString(16)}`

function mappingsOf(task) {
  return lines(task.text('maps') ?? '').map((line) => {
    const [, start, end, permissions, offset, device, inode, path] =
      /^(\w+)-(\w+) (\S+) (\w+) (\S+) (\d+) *(.*)$/s.exec(line)
    return {
      start: hex(start),
      end: hex(end),
      permissions,
      offset: Number.parseInt(offset, 16),
      device: device
        .split(':')
        .map((part) => Number.parseInt(part, 16))
        .join(':'),
      inode: Number(inode),
      path: path === '' ? null : unescaped(path),
    }
  })
}

function memoryMaps(record) {
  const rows = record.processes.flatMap((task) =>
    mappingsOf(task).map((mapping) => {
      // /proc has zeros where there is no file.
      const none = mapping.inode === 0 && mapping.device === '0:0'
      const { offset, device, inode } = mapping
      return {
        ...who(task),
        ...mapping,
        ...(none ? { offset: oneOf(offset, null), device: oneOf(device, null), inode: oneOf(inode, null) } : {}),
      }
    }),
  )
  return { key: ['pid', 'start'], rows, ours: ofRecorded(record) }
}

function libraries(record) {
  const rows = []
  for (const task of record.processes) {
    const files = new Map()
    for (const mapping of mappingsOf(task).filter(({ inode }) => inode > 0)) {
      const file = `${mapping.device} ${mapping.inode} ${mapping.path}`
      files.set(file, [...(files.get(file) ?? []), mapping])
    }
    for (const parts of files.values()) {
      if (!parts.some(({ permissions }) => permissions.includes('x'))) continue
      const [{ start, path, device, inode }] = parts
      rows.push({
        ...who(task),
        path,
        base: start,
        size: Number(BigInt(parts.at(-1).end) - BigInt(start)),
        device,
        inode,
      })
    }
  }
  return { key: ['pid', 'path', 'base'], rows, ours: ({ path }) => !String(path).includes('vdso') }
}

function mounts(record) {
  const rows = []
  const done = new Set()
  for (const task of record.processes) {
    const space = task.spaces.mnt
    if (space === null || done.has(space) || task.text('root') !== '/' || task.kernel) continue
    done.add(space)
    for (const line of lines(task.text('mountinfo') ?? '')) {
      const [left, right] = line.split(' - ')
      const [id, parent, device, root, target, options, ...shared] = left.split(' ')
      const [type, source, more] = right.split(' ')
      const propagation = shared.join(' ')
      rows.push({
        mnt_ns: space,
        id: Number(id),
        parent_id: Number(parent),
        device,
        root: unescaped(root),
        target: unescaped(target),
        options,
        type,
        source: unescaped(source),
        super_options: unescaped(more),
        propagation: propagation === '' ? oneOf(null, 'private') : propagation,
        container: task.container,
      })
    }
  }
  // What lies below a namespace's root is in it, yet mountinfo leaves it out.
  const known = new Set(rows.map(({ mnt_ns, id }) => `${mnt_ns} ${id}`))
  return {
    key: ['mnt_ns', 'id'],
    rows,
    ours: ({ mnt_ns, parent_id, id }) => id !== parent_id && known.has(`${mnt_ns} ${parent_id}`),
  }
}

function fileLocks(record) {
  const rows = []
  for (const line of lines(record.text('locks'))) {
    const [, number, blocked, kind, , mode, pid, device, inode, start, end] =
      /^(\d+):( ->)? (\S+)\s+(\S+)\s+(\S+)\s+(-?\d+) (\w+:\w+):(\d+) (\d+) (\w+)/.exec(line) ?? []
    if (number === undefined) continue
    const [major, minor] = device.split(':').map((part) => Number.parseInt(part, 16))
    rows.push({
      inode: Number(inode),
      device: `${major}:${minor}`,
      kind: cell(kind, (got) => kind.toLowerCase().startsWith(String(got).toLowerCase()) || kind === 'OFDLCK'),
      mode: mode.toLowerCase(),
      lock_pid: oneOf(Number(pid), null),
      start: Number(start),
      end: end === 'EOF' ? oneOf(null, 'EOF') : Number(end),
      state: cell(blocked === undefined ? 'held' : 'waiting', () => true),
    })
  }
  return { key: ['device', 'inode', 'start'], rows }
}

export const FILES = { 'open-files': openFiles, 'memory-maps': memoryMaps, libraries, mounts, 'file-locks': fileLocks }
