import { address, defineAnalyzer, integer, text } from 'salvor'
import { containerNames, listedPlacedTasks, memberColumns, ownerOf } from 'salvor/containers'
import { readKernelStacks } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'kernel-stacks',
  aliases: ['pscallstack'],
  summary: 'What every thread that sleeps waits for: the functions on its kernel stack',
  description:
    'As /proc/PID/task/TID/stack shows them, innermost first, without those of the scheduler. They are found by the ' +
    "tables that the kernel carries for its own unwinder, else along its frame pointers; 'candidate' is any address of " +
    'code on the stack of a kernel that has neither. A frame without a module is code that no module the kernel knows of ' +
    'has: made by BPF or ftrace, or hidden. A thread that was on a processor has no frames, and one row that says so.',
  torn: 'a thread that slept throughout has its frames; those of one that ran meanwhile end where they no longer fit.',
  examples: [
    { command: 'salvor kernel-stacks memory.elf --pid 236', what: 'what the threads of one process wait for' },
    { command: 'salvor kernel-stacks memory.elf --container shop-web-1', what: 'those of one container' },
  ],
  columns: {
    tid: integer('Thread id', { meaning: 'tid' }),
    ...memberColumns,
    comm: text('Name of the thread'),
    frame: integer('Which frame it is, from 0, the innermost; null of a thread without any'),
    address: address('Where its function goes on'),
    symbol: text('Function, with the distance from its start'),
    module: text('Module whose code it is; kernel for the kernel proper'),
    found: text('orc, frame pointer or candidate; running or none where there are no frames', { detail: true }),
  },
  async *run({ kernel }) {
    const names = containerNames(kernel)
    const tasks = listedPlacedTasks(kernel)
    const members = new Map(
      tasks.map(({ address, tid, pid, comm, container }) => [
        address,
        { tid, pid, comm, ...ownerOf(container, names) },
      ]),
    )
    yield readKernelStacks(kernel, [...members.keys()]).flatMap(({ task, ...frame }) => {
      const member = members.get(task)
      return member === undefined ? [] : [Object.assign(frame, member)]
    })
  },
})
