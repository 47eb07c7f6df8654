import { address, defineAnalyzer, integer, text } from 'salvor'
import { memberColumns, readMembers } from 'salvor/containers'
import { readImportHooks } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'import-hooks',
  aliases: ['plthook', 'apihooks', 'got-hooks'],
  summary:
    'Functions that programs and libraries import and that lead elsewhere than where their loader looks for them',
  description:
    'Programs call the functions of libraries through slots (the global offset table) into which the dynamic loader writes ' +
    'where they are. A row is a slot that leads into memory without a file (anonymous), into a file that the loader did not ' +
    'load (unlisted), to a place of a library where no function of that name begins (elsewhere), or to a library that ' +
    'nothing needs and that stands before the one that is needed, as LD_PRELOAD and /etc/ld.so.preload have it (preloaded). ' +
    'What libraries have is taken from their files in the page cache. Functions whose code was changed in place are in ' +
    'injected-memory; programs without a loader have no slots.',
  torn: 'a slot that was as it is throughout is one row; one that leads to what is not executable is counted and not shown.',
  examples: [
    { command: 'salvor import-hooks memory.elf', what: 'all hooked imports' },
    { command: 'salvor import-hooks memory.elf --pid 1523 --wide', what: 'those of one process, with addresses' },
  ],
  columns: {
    ...memberColumns,
    function: text('Name of the function; null where that is not in memory'),
    reason: text('anonymous, unlisted, elsewhere, preloaded'),
    library: text('Program or library that calls it', { meaning: 'path' }),
    target_path: text('File that it leads to, or what the kernel calls that memory; null where it has no name', {
      meaning: 'path',
    }),
    expected: text('The first library in the loader’s order that has a function of this name and is not that file'),
    target: address('Where it leads'),
    slot: address('Where the slot is', { detail: true }),
    offset: integer('The same, in bytes from where the library is loaded', { detail: true }),
  },
  key: ['pid', 'library', 'offset'],
  async *run({ kernel }) {
    const members = readMembers(kernel)
    yield readImportHooks(kernel, [...members.keys()]).flatMap(({ task, ...hook }) => {
      const member = members.get(task)
      return member === undefined ? [] : [Object.assign(hook, member)]
    })
  },
})
