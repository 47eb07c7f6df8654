import { count, defineAnalyzer, integer, list, text } from 'salvor'
import { namespaceRows } from 'salvor/containers'

export default defineAnalyzer({
  name: 'namespaces',
  aliases: ['lsns'],
  summary: 'Namespaces, with the processes in them and the container they belong to',
  description:
    'Namespaces that a process or thread is in, or makes its children start in, and those that nobody is in: that a ' +
    'descriptor or a mount holds, networks, and from 6.18 on all that the kernel lists. The owner is the process with ' +
    'the lowest id.',
  torn: 'namespaces of processes that were there throughout are rows; one that a task was just entering may be missing.',
  examples: [{ command: 'salvor namespaces memory.elf --format csv', what: 'all namespaces as CSV' }],
  columns: {
    type: text('mnt, pid, net, uts, ipc, user, cgroup or time'),
    inode: integer('Inode number, as in /proc/PID/ns', { meaning: 'namespace' }),
    owner_pid: integer('Lowest process id in it', { meaning: 'process' }),
    owner_comm: text('Name of that process'),
    processes: count('Processes with a thread in it'),
    hostname: text('Host name, for a UTS namespace'),
    container: text('Id of the container its owner runs in', { meaning: 'container' }),
    held_by: list('What holds it beside them: descriptors of processes, and the first places where it is mounted'),
  },
  key: ['type', 'inode'],
  async *run({ kernel }) {
    yield namespaceRows(kernel)
  },
})
