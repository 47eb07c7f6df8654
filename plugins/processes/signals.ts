import { address, count, defineAnalyzer, flag, integer, list, text } from 'salvor'
import { listedPlacedTasks, memberColumns, readMembers } from 'salvor/containers'
import { type Kernel, readSignals } from 'salvor/kernel'

/** Threads of each process that has memory of its own: the kernel's threads ignore nearly everything. */
function threadsOf(kernel: Kernel): Map<bigint, bigint[]> {
  const tasks = listedPlacedTasks(kernel).filter(({ kernel_thread }) => kernel_thread !== true)
  const threads = new Map(tasks.filter(({ tid, pid }) => tid === pid).map(({ pid, address }) => [pid, [address]]))
  for (const { tid, pid, address } of tasks) if (tid !== pid) threads.get(pid)?.push(address)
  return new Map([...threads.values()].flatMap((own) => own.slice(0, 1).map((leader) => [leader, own])))
}

export default defineAnalyzer({
  name: 'signals',
  aliases: ['sig', 'sighandlers'],
  summary: 'What each process does about signals, which ones it blocks and which wait for it',
  description:
    'A row for each signal that a process handles or ignores, that one of its threads blocks or that waits; what is left ' +
    'as it was has none. A handler is shown with the mapping it lies in: one that lies in no file was made by the process ' +
    'itself or put into it. Threads of the kernel are left out.',
  torn: 'what a process has set up throughout is one row; what waits is that of one moment.',
  examples: [
    { command: 'salvor signals memory.elf --pid 236', what: 'what one process does' },
    { command: 'salvor signals memory.elf --container shop-web-1', what: 'what the processes of a container do' },
  ],
  key: ['pid', 'signal'],
  columns: {
    ...memberColumns,
    signal: integer('Number of the signal'),
    name: text('Its name; real-time signals are counted from the kernel’s SIGRTMIN, 32'),
    action: text('default, ignored or handled'),
    handler: address('Function that handles it, in the memory of the process'),
    path: text('What is mapped there; null where no file is and the kernel has no name for it', { meaning: 'path' }),
    offset: integer('Of the handler in that file, in bytes', { detail: true }),
    flags: list('How it is handled, as SA_…', { detail: true }),
    mask: list('Signals that wait while it is handled', { detail: true }),
    blocked: count('Threads that block it'),
    pending: flag('Whether it waits for the process or one of its threads'),
    senders: list('Ids of the processes that sent what waits, as this process sees them', { detail: true }),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    yield readSignals(kernel, threadsOf(kernel)).flatMap(({ task, ...signal }) => {
      const member = members.get(task)
      return member === undefined ? [] : [Object.assign(signal, member, { senders: signal.senders.map(String) })]
    })
  },
})
