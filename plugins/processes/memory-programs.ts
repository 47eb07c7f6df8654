import { address, bytes, defineAnalyzer, flag, text } from 'salvor'
import { comparedPrograms, listedPlacedTasks, memberColumns, readMembers } from 'salvor/containers'
import { isLeader } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'memory-programs',
  aliases: ['memfd-programs'],
  summary: 'Programs that processes run from memory (a memfd, a file system for shared memory), and container runtimes',
  description:
    'A runtime that starts a container runs from a copy of itself in a memfd that nobody can change (CVE-2019-5736): copy_of is ' +
    'the installed runtime of which no byte that memory has is another than those of the program, and compared is how many ' +
    'bytes that are. Where it is less than size, pages of the runtime have left the page cache, and the rest is unknown. What ' +
    'is named as a runtime is a row as well, for a name is anybody’s: same_file tells whether it is the installed one.',
  torn: 'a program that ran throughout is one row.',
  examples: [{ command: 'salvor memory-programs memory.elf', what: 'all of them; on most hosts there is none' }],
  columns: {
    address: address('Address of the task_struct', { detail: true }),
    ...memberColumns,
    exe: text('Path of the program', { meaning: 'path' }),
    size: bytes('Size of the program'),
    sealed: flag('Whether nobody can change it any more; null where it is of no memfd'),
    copy_of: text('Path of the installed runtime that it is a copy of, as who started it sees it'),
    same_file: flag('Whether it is that file itself, and no copy of it'),
    compared: bytes('How much of it was compared with that, and is the same'),
  },
  key: ['pid'],
  async *run({ kernel }) {
    const members = readMembers(kernel)
    const tasks = listedPlacedTasks(kernel).filter(isLeader)
    const exes = new Map(tasks.map(({ address, exe }) => [address, exe]))
    yield comparedPrograms(kernel, tasks).flatMap(({ task, size, sealed, copy_of, same_file, compared }) => {
      const member = members.get(task)
      if (member === undefined) return []
      return { address: task, ...member, exe: exes.get(task) ?? null, size, sealed, copy_of, same_file, compared }
    })
  },
})
