import { address, defineAnalyzer, text } from 'salvor'
import { readFacts, readSettings } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'kernel-settings',
  aliases: ['sysctl', 'cpuinfo'],
  summary: 'How the kernel is set: everything below /proc/sys, boot arguments, taint, security modules, audit',
  description:
    "The host's settings as sysctl -a has them, those of the network for its first namespace. A setting that can only be " +
    'written has no value; one that only its handler can tell is left out, and a remark names the handlers. Behind them ' +
    'what is no file there: how the kernel was started, its lockdown, security modules and their modes, the state of ' +
    'auditing, the processor.',
  torn: 'a setting that was there throughout is one row; a value that was being changed may be either.',
  examples: [
    { command: 'salvor kernel-settings memory.elf --where name=kernel.core_pattern', what: 'one of them' },
    { command: 'salvor kernel-settings memory.elf --wide', what: 'all, with the function behind each' },
  ],
  key: ['name'],
  columns: {
    name: text('Name, as sysctl has it; boot, audit, security, cpu for what is no file of its own'),
    value: text('Value; several are parted by tabs'),
    address: address('Address of its struct ctl_table, or of the variable', { detail: true }),
    mode: text('Permissions of its file in octal', { detail: true }),
    handler: text('Function that reads and writes it', { detail: true }),
  },
  async *run({ kernel }) {
    yield readSettings(kernel).map(({ mode, ...setting }) => ({
      ...setting,
      mode: mode === null ? null : `0${mode.toString(8)}`,
    }))
    yield readFacts(kernel).map((fact) => ({ ...fact, mode: null, handler: null }))
  },
})
