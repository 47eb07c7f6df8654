import { address, defineAnalyzer, integer, text, time } from 'salvor'
import { listedPlacedTasks } from 'salvor/containers'
import { readKernelThreads } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'kernel-threads',
  aliases: ['kthreads'],
  summary: 'Threads of the kernel’s own, with the function that each runs and whose code that is',
  description:
    'One whose function belongs to a module was started by it; one whose function is no symbol’s runs code that no ' +
    'loaded module admits to. Which of them works on what is shown of the workers of workqueues. Only tasks that the ' +
    'kernel made for itself are rows, whatever other processes call themselves. Kernels before 5.8 keep no function.',
  torn: 'a thread that was there throughout is one row; its work is that of one moment.',
  examples: [
    { command: 'salvor kernel-threads memory.elf', what: 'all of them' },
    { command: 'salvor kernel-threads memory.elf --columns pid,name,work,last_work', what: 'who works on what' },
  ],
  key: ['pid', 'started'],
  columns: {
    address: address('Address of the task_struct', { detail: true }),
    pid: integer('Its process id', { meaning: 'pid' }),
    comm: text('Name, at most 15 bytes', { detail: true }),
    name: text('Its whole name; of a worker with the queue it works for, as in /proc'),
    state: text('State letter as in /proc', { detail: true }),
    started: time('When it started', { detail: true }),
    function: address('Function that it runs'),
    symbol: text('Symbol of that function; null where none is there'),
    module: text('Module whose code that is; kernel for the kernel proper'),
    data: address('What the function was given', { detail: true }),
    workqueue: text('Queue whose work a worker did last or does', { detail: true }),
    work: text('Function that a worker is in now', { detail: true }),
    last_work: text('Function that it was in before', { detail: true }),
  },
  async *run({ kernel }) {
    const tasks = new Map(listedPlacedTasks(kernel).map((task) => [task.address, task]))
    const own = [...tasks.values()].filter(({ kernel_thread }) => kernel_thread === true).map(({ address }) => address)
    yield readKernelThreads(kernel, own).flatMap(({ task: address, ...thread }) => {
      const task = tasks.get(address)
      if (task === undefined) return []
      const { tid, comm, state, started } = task
      return [{ address, pid: tid, comm, state, started, ...thread }]
    })
  },
})
