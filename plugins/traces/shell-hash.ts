import { count, defineAnalyzer, flag, text } from 'salvor'
import { memberColumns, readMembers } from 'salvor/containers'
import { readShellHashes } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'shell-hash',
  aliases: ['bash-hash', 'bash_hash'],
  summary: 'Where each running bash has found the commands that it ran',
  description:
    'The table that `hash` shows: programs that were run since the shell began or its PATH was changed, also where the ' +
    'history says nothing of it. A path that PATH does not lead to was put there by `hash -p`.',
  torn: 'a command that was in the table throughout is one row, where its own pages were not torn.',
  examples: [
    { command: 'salvor shell-hash memory.elf', what: 'those of all shells' },
    { command: 'salvor shell-hash memory.elf --pid 1829', what: 'those of one shell' },
  ],
  key: ['pid', 'name'],
  columns: {
    ...memberColumns,
    name: text('What was called'),
    path: text('Where it was found', { meaning: 'path' }),
    hits: count('How often it was called from the table'),
    relative: flag('Whether the path begins at the folder that the shell is in', { detail: true }),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    for (const { task, entries } of readShellHashes(kernel, [...members.keys()])) {
      const member = members.get(task)
      if (member !== undefined) yield entries.map((entry) => ({ ...member, ...entry }))
    }
  },
})
