import { address, defineAnalyzer, flag, integer, option, text } from 'salvor'
import { readKernelHooks } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'kernel-hooks',
  aliases: [
    'check_syscall',
    'check_idt',
    'check_afinfo',
    'tty_check',
    'keyboard_notifiers',
    'check_ftrace',
    'tracepoints',
    'check_fops',
    'check_inline_kernel',
    'ftrace',
  ],
  summary: 'Function pointers that a rootkit would change, each resolved to its symbol and module',
  description:
    'System calls and the switch to them, interrupts, first bytes of functions, ftrace, kprobes, tracepoints, perf events, ' +
    'notifiers, terminals, /proc, file systems, network protocols, netfilter, security modules, program formats, timers and work that waits. One is ' +
    'suspicious that leads into no code of the kernel or of a module, into a module where the kernel or another module ' +
    'should be, or to something that does not belong there. Functions are rows only where their first bytes lead elsewhere.',
  torn: 'a pointer that was there throughout is right; suspicious may be a pointer of an object that was just used again.',
  examples: [
    { command: 'salvor kernel-hooks memory.elf --suspicious', what: 'only what is not as it should be' },
    { command: 'salvor kernel-hooks memory.elf', what: 'all pointers' },
  ],
  options: { suspicious: option.flag('Only those that are not as they should be, or may not be') },
  columns: {
    kind: text('syscall, syscall switch, idt, function, ftrace, kprobe, notifier, proc, seq_operations, lsm …'),
    name: text('The table, file, chain or function, and the member'),
    index: integer('Place in its table or chain'),
    address: address('Where it leads'),
    symbol: text('Symbol that the address belongs to'),
    module: text('Module whose memory it is in; kernel for the kernel proper'),
    expected: text('What it should be, where that is known'),
    suspicious: flag('Whether it leads where it should not; null where that may be a module that the image lost'),
  },
  async *run({ kernel, options }) {
    yield readKernelHooks(kernel).filter(({ suspicious }) => suspicious !== false || !options.suspicious)
  },
})
