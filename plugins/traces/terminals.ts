import { address, count, defineAnalyzer, integer, text } from 'salvor'
import { memberColumns, readMembers } from 'salvor/containers'
import { readTerminals } from 'salvor/kernel'

/** What was typed is text in whatever encoding, most often this one. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export default defineAnalyzer({
  name: 'terminals',
  aliases: ['ttys', 'tty'],
  summary: 'Terminals: whose session each is, what runs in its foreground, what was typed',
  description:
    'Terminals and pseudo-terminals that a process has open or works at, and those that a driver always has. The buffer ' +
    'of what was typed keeps up to 4096 bytes, those that were read too: lines that a shell forgot, and what a program ' +
    'asked for without showing it. The process is the leader of the session.',
  torn: 'a terminal that was open throughout is one row; text may mix what was typed before and after it was read.',
  examples: [
    { command: 'salvor terminals memory.elf', what: 'all terminals' },
    { command: 'salvor terminals memory.elf --where driver=pts --wide', what: 'with what was typed and read before' },
  ],
  columns: {
    address: address('Address of the struct tty_struct', { detail: true }),
    name: text('Name: pts0 for /dev/pts/0, ptm0 for the end that a program stands behind'),
    driver: text('What drives it: pts and ptm for a pseudo-terminal, tty for the console, ttyS for a serial line'),
    ...memberColumns,
    session: integer('Session that it controls: the process id of its leader', { meaning: 'process' }),
    foreground: integer('Group of processes in the foreground', { meaning: 'process' }),
    peer: text('Name of the other end of a pseudo-terminal', { detail: true }),
    discipline: text('Line discipline: n_tty is the usual one', { detail: true }),
    opened: count('How often it is open', { detail: true }),
    unread: text('What was typed and no program has read yet'),
    read: text('What was read before, as far as it is still in the buffer, oldest first'),
    pending: text('What came in and the line discipline has not seen yet', { detail: true }),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    const byPid = new Map([...members.values()].map((member) => [member.pid, member]))
    const nobody = { pid: null, comm: null, container: null, container_name: null, pod: null }
    yield readTerminals(kernel, [...members.keys()]).map(({ unread, read, pending, ...terminal }) => ({
      ...nobody,
      ...(terminal.session === null ? nobody : byPid.get(terminal.session)),
      ...terminal,
      unread: unread === null ? null : decoder.decode(unread),
      read: read === null ? null : decoder.decode(read),
      pending: pending === null ? null : decoder.decode(pending),
    }))
  },
})
