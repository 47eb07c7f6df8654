import { address, count, defineAnalyzer, flag, text } from 'salvor'
import { readConsoles } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'screen',
  summary: 'What stood on the text consoles',
  description:
    'The characters of each console of the machine itself, in the foreground or not, as far as the kernel keeps them: ' +
    'of one that is shown they may be in the memory of the screen alone, which few images have.',
  torn: 'a console is one row; its lines may be of several moments.',
  examples: [{ command: 'salvor screen memory.elf --format json', what: 'all consoles with their lines' }],
  key: ['name'],
  columns: {
    address: address('Address of the struct vc_data', { detail: true }),
    name: text('Name: tty1 for /dev/tty1'),
    foreground: flag('Whether it was the one to be seen'),
    columns: count('Characters in a line', { detail: true }),
    rows: count('Lines', { detail: true }),
    text: text('What stood there, line by line'),
  },
  async *run({ kernel }) {
    yield readConsoles(kernel)
  },
})
