import { defineAnalyzer, text, time } from 'salvor'
import { memberColumns, readMembers } from 'salvor/containers'
import { readShellHistories } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'shell-history',
  aliases: ['bash', 'bash-history'],
  summary: 'Commands that running shells remember, in the order in which they were typed',
  description:
    'What bash, and every other program with GNU readline, keeps in its own memory, whatever it is called and whether or ' +
    'not it will ever write a file; and what zsh and the shells of busybox do, which keeps no times. dash, the sh of Debian ' +
    'and Ubuntu, keeps no history. The time is when the command was typed, or when the shell read it from a file that has ' +
    'none.',
  torn: 'a command that was remembered throughout is one row, in its place, where its own pages were not torn.',
  examples: [
    { command: 'salvor shell-history memory.elf', what: 'what was typed in all shells' },
    { command: 'salvor shell-history memory.elf --container shop-web-1', what: 'in the shells of one container' },
  ],
  columns: {
    ...memberColumns,
    time: time('When it was typed'),
    command: text('The command as it was typed'),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    for (const { task, entries } of readShellHistories(kernel, [...members.keys()])) {
      const member = members.get(task)
      if (member !== undefined) yield entries.map((entry) => ({ ...member, ...entry }))
    }
  },
})
