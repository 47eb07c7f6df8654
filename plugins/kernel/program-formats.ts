import { address, defineAnalyzer, flag, integer, text } from 'salvor'
import { readProgramFormats } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'program-formats',
  aliases: ['binfmt_misc'],
  summary: 'Interpreters that the kernel starts for files of certain kinds (binfmt_misc)',
  description:
    'As /proc/sys/fs/binfmt_misc shows them: a file that has these bytes at that place, or a name that ends so, is started ' +
    'by this interpreter, wherever it lies. With C the interpreter has the rights of a set-uid file that it is given, and ' +
    'with F it was opened when it was registered, and is used in containers too. Those of the first user namespace.',
  torn: 'a handler that was registered throughout is one row.',
  examples: [{ command: 'salvor program-formats memory.elf', what: 'all handlers' }],
  key: ['name'],
  columns: {
    address: address('Address of its Node', { detail: true }),
    name: text('Name of its file there'),
    enabled: flag('Whether it is in force'),
    interpreter: text('Program that is started', { meaning: 'path' }),
    flags: text('P keep argv[0], O open the file, C with the rights of the file, F opened when registered'),
    extension: text('Ending of the names that it is for; null where bytes say so'),
    offset: integer('Where in a file its bytes stand; null where a name says so'),
    magic: text('These bytes in hexadecimal'),
    mask: text('Bits of them that count, in hexadecimal; null where all do'),
  },
  async *run({ kernel }) {
    yield readProgramFormats(kernel)
  },
})
