import { address, bytes, count, defineAnalyzer, integer, isoTime, list, text, time } from 'salvor'
import { ipcOwners, ownerColumns, readMembers } from 'salvor/containers'
import { readIpcObjects } from 'salvor/kernel'

const SECOND = 1_000_000_000n
const HOST = { container: null, container_name: null, pod: null }

export default defineAnalyzer({
  name: 'ipc',
  aliases: ['ipcs', 'shared-memory', 'semaphores'],
  summary: 'Shared memory, semaphores and message queues of every IPC namespace, with who uses them',
  description:
    'System V objects as ipcs shows them, and POSIX message queues as /dev/mqueue does, of the namespaces that processes ' +
    'are in or hold. A segment names each process that has it in its memory, a POSIX queue each that has it open; other ' +
    'objects are not held by anybody.',
  torn: 'what was there throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor ipc memory.elf', what: 'all that is shared' },
    { command: "salvor ipc memory.elf --where 'kind=shared memory' --wide", what: 'segments, with all columns' },
  ],
  key: ['ipc_ns', 'kind', 'id'],
  columns: {
    address: address('Address of the shmid_kernel, sem_array or msg_queue, or of the inode of a POSIX queue', {
      detail: true,
    }),
    ipc_ns: integer('Inode number of the IPC namespace', { meaning: 'namespace' }),
    ...ownerColumns,
    kind: text('shared memory, semaphores, message queue or posix queue'),
    key: text('Key in hexadecimal, as ipcs has it; 0x00000000 is private'),
    id: integer('Identifier; of a POSIX queue its inode'),
    name: text('Name of a POSIX queue'),
    mode: text('Permissions in octal'),
    uid: integer('User it belongs to'),
    gid: integer('Group it belongs to'),
    creator_uid: integer('User that made it', { detail: true }),
    creator_gid: integer('Group that made it', { detail: true }),
    size: bytes('Size of a segment, or of the messages in a queue'),
    count: count('How often a segment is attached, how many semaphores a set or messages a queue has'),
    processes: list('Process ids and names of those that have a segment attached or a POSIX queue open'),
    flags: list('What else is said of it: destroyed when detached, locked, huge pages, unlinked'),
    creator_pid: integer('Process that made a segment'),
    last_pid: integer('Process that last attached, detached, operated on or sent to it'),
    receiver_pid: integer('Process that last received of it', { detail: true }),
    used: time('When it was last attached, operated on or sent to'),
    left: time('When it was last detached or received of', { detail: true }),
    changed: time('When it was made, or its owner or permissions last changed'),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    const owners = ipcOwners(kernel)
    const process = (task: bigint) => `${members.get(task)?.pid ?? '?'} ${members.get(task)?.comm ?? '?'}`
    yield readIpcObjects(kernel, [...members.keys()]).map(({ tasks, key, used, left, changed, ...object }) => ({
      ...object,
      ...(owners.get(object.ipc_ns ?? 0) ?? HOST),
      key: key === null ? null : `0x${(key >>> 0).toString(16).padStart(8, '0')}`,
      processes: tasks.map(process),
      used: moment(used),
      left: moment(left),
      changed: moment(changed),
    }))
  },
})

const moment = (seconds: bigint | null) => (seconds === null ? null : isoTime(seconds * SECOND))
