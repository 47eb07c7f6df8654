import { address, bytes, defineAnalyzer, integer, text } from 'salvor'
import { memberColumns, readMembers } from 'salvor/containers'
import { readFileLocks, readOpenFiles } from 'salvor/kernel'

const NOBODY = { pid: null, comm: null, container: null, container_name: null, pod: null }

export default defineAnalyzer({
  name: 'file-locks',
  aliases: ['lslocks', 'locks'],
  summary: 'Locks and leases of files, with who holds and who waits for them',
  description:
    'As /proc/locks shows them, for flock(2), POSIX and open-file-description locks, leases and delegations. The process is ' +
    'the one that asked for a lock; where that is gone, or the lock is of an open file, the first that has the file open.',
  torn: 'a lock that was held throughout is one row, right in each cell that is not null.',
  examples: [{ command: 'salvor file-locks memory.elf', what: 'every lock' }],
  columns: {
    address: address('Address of the struct file_lock', { detail: true }),
    ...memberColumns,
    kind: text('posix, ofd, flock, lease, delegation or layout'),
    mode: text('read, write or unlock'),
    state: text('held, waiting, or breaking for a lease that is to be given back'),
    lock_pid: integer('Process id as /proc/locks shows it: -1 where the lock is of an open file', {
      meaning: 'process',
      detail: true,
    }),
    path: text('Path of the file', { meaning: 'path' }),
    inode: integer('Inode', { meaning: 'inode', detail: true }),
    device: text('Device of its file system, as major:minor', { detail: true }),
    start: bytes('First byte that is locked', { detail: true }),
    end: bytes('Last byte that is locked; null for all to the end', { detail: true }),
    blocked_by: address('Address of the lock that a waiting one waits for', { detail: true }),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    const byPid = new Map([...members.values()].map((member) => [member.pid, member]))
    const opened = readOpenFiles(kernel, [...members.keys()])
    const openers = new Map(opened.toReversed().map(({ file, task }) => [file, members.get(task)]))
    yield readFileLocks(kernel).map(({ file, asked_by, ...lock }) => {
      const member = byPid.get(asked_by) ?? openers.get(file ?? 0n)
      return { ...lock, ...(member ?? NOBODY) }
    })
  },
})
