import { defineAnalyzer, text } from 'salvor'
import { memberColumns, readMembers } from 'salvor/containers'
import { read } from 'salvor/kernel'

/** More of one process is cut off, and said. */
const LONGEST = 1 << 20

/** Name and value of each variable. A title that was written over an environment leaves pieces without a name. */
function* variablesOf(environment: string): Generator<{ name: string; value: string }> {
  for (const piece of environment.split('\0')) {
    const sign = piece.indexOf('=')
    if (sign > 0) yield { name: piece.slice(0, sign), value: piece.slice(sign + 1) }
  }
}

export default defineAnalyzer({
  name: 'environment',
  aliases: ['envars', 'environ', 'libc-env', 'ld-env'],
  summary: 'Variables of the environment that each process was started with',
  description:
    'As /proc/PID/environ has them: where the process was started, and what it has written over them since. A process ' +
    'whose pages of it are not in memory has none, with a warning.',
  torn: 'a process that was there throughout has its variables, where its own pages were not torn.',
  examples: [
    { command: 'salvor environment memory.elf --pid 236', what: 'those of one process' },
    { command: 'salvor environment memory.elf --container shop-web-1', what: 'those of all processes of a container' },
  ],
  columns: {
    ...memberColumns,
    name: text('Name of the variable'),
    value: text('Its value'),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    const batch = kernel
      .at([...members.keys()], 'struct task_struct')
      .select({ environment: read.userStrings('mm', LONGEST) })
    for (const { address, environment } of batch) {
      const member = members.get(address)
      if (member === undefined || environment === null) continue
      yield Array.from(variablesOf(environment), (variable) => ({ ...member, ...variable }))
    }
  },
})
