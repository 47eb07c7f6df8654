import { count, defineAnalyzer, integer, option, text } from 'salvor'
import { readInstructions } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'bpf-instructions',
  summary: 'Translated instructions of BPF programs as words, with the kernel functions and maps that they name',
  description:
    'As bpftool prog dump xlated prints them: what the verifier made of a program. A call is named by the symbol that it ' +
    'leads to; map_id is the map whose address an instruction loads.',
  torn: 'instructions of a program that was loaded throughout are right.',
  examples: [{ command: 'salvor bpf-instructions memory.elf --program 55', what: 'one program' }],
  options: { program: option.count('Only of the program with this id') },
  key: ['program_id', 'tag', 'name', 'index'],
  columns: {
    program_id: integer('Id of the program'),
    name: text('Name of the program'),
    tag: text('Tag of the program', { detail: true }),
    index: count('Place of the instruction, as jumps count'),
    code: text('Its bytes in hexadecimal digits', { detail: true }),
    text: text('The instruction in words'),
    helper: text('Kernel function that it calls', { detail: true }),
    map_id: integer('Id of the map whose address it loads', { detail: true }),
  },
  async *run({ kernel, options }) {
    yield readInstructions(kernel)
      .filter(({ program: { id } }) => options.program === null || id === options.program)
      .map(({ program: { id, name, tag }, index, code, text, helper, map_id }) => {
        return { program_id: id, name, tag, index, code, text, helper, map_id }
      })
  },
})
