import { address, defineAnalyzer, integer, text } from 'salvor'
import { memberColumns, readMembers } from 'salvor/containers'
import { readWorkingDirectories } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'working-directories',
  aliases: ['cwd', 'getcwd'],
  summary: 'The directory that each process is in, and the mount by which it was reached',
  description:
    'As /proc/PID/cwd shows it to the process itself. A directory of a mount of another namespace was reached by a ' +
    'descriptor that came from there.',
  torn: 'a process that was there throughout is one row, right in each cell that is not null.',
  examples: [{ command: 'salvor working-directories memory.elf', what: 'all processes' }],
  columns: {
    address: address('Address of the task_struct', { detail: true }),
    ...memberColumns,
    path: text('Directory, from the root of the process', { meaning: 'path' }),
    mount_id: integer('Id of the mount that it was reached by, as in `mounts`'),
  },
  key: ['pid'],
  async *run({ kernel }) {
    const members = readMembers(kernel)
    const directories = readWorkingDirectories(kernel, [...members.keys()])
    yield [...members].map(([task, member]) => ({
      address: task,
      ...member,
      ...(directories.get(task) ?? { path: null, mount_id: null }),
    }))
  },
})
