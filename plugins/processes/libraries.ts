import { address, bytes, defineAnalyzer, integer, list, text } from 'salvor'
import { memberColumns, readMembers } from 'salvor/containers'
import { readLibraries } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'libraries',
  aliases: ['library-list', 'ldd', 'ldrmodules'],
  summary: 'Programs and libraries in every process, by its mappings and by its loader’s own list',
  description:
    'Files that are mapped executable, the program itself among them, beside what the dynamic loader says it loaded ' +
    '(r_debug and its link maps, in the memory of the process). One that only the mappings know was not loaded by the ' +
    'loader, or was taken off its list; one that only the loader knows lies in no mapping of a file. A static program has ' +
    'no loader.',
  torn: 'a file that was mapped throughout is one row; the list of a loader that was just loading may be torn, and says so.',
  examples: [
    { command: 'salvor libraries memory.elf --pid 236', what: 'what one process is made of' },
    {
      command: 'salvor libraries memory.elf --container shop-web-1 --wide',
      what: 'what the processes of a container are',
    },
  ],
  columns: {
    ...memberColumns,
    path: text('File; of one that only the loader knows, what it calls it', { meaning: 'path' }),
    base: address('Where its mappings begin'),
    size: bytes('From there to the end of the last of them'),
    inode: integer('Inode of the file', { meaning: 'inode', detail: true }),
    device: text('Device of its file system, as major:minor', { detail: true }),
    name: text('What the loader calls it; empty for the program', { detail: true }),
    found_by: list('mapping, loader'),
    loader: text('read, none (there is no loader), absent (its list is not in memory), torn', { detail: true }),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    yield readLibraries(kernel, [...members.keys()]).flatMap(({ task, ...library }) => {
      const member = members.get(task)
      return member === undefined ? [] : [Object.assign(library, member)]
    })
  },
})
