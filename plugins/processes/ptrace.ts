import { address, defineAnalyzer, flag, integer, list, text } from 'salvor'
import { containerColumns, containerNames, listedPlacedTasks, ownerOf } from 'salvor/containers'
import { readTracees } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'ptrace',
  summary: 'Threads that another process traces, with who does and how',
  description:
    'A debugger or an injector holds the threads it works on. Where the traced thread does not say what its tracer’s ' +
    'list says, or the other way round, `found_by` has only one of both.',
  torn: 'a thread that was traced throughout is one row.',
  examples: [{ command: 'salvor ptrace memory.elf', what: 'every traced thread' }],
  key: ['tid'],
  columns: {
    address: address('Address of the task_struct', { detail: true }),
    tid: integer('Id of the traced thread', { meaning: 'tid' }),
    pid: integer('Its process id', { meaning: 'pid' }),
    comm: text('Name of the thread'),
    ...containerColumns,
    state: text('State letter as in /proc: t where it is stopped by its tracer'),
    tracer_pid: integer('Process id of the tracer', { meaning: 'process' }),
    tracer_tid: integer('Id of the very thread that traces', { detail: true }),
    tracer_comm: text('Name of the tracer'),
    tracer_container: text('Id of the container that the tracer runs in', { detail: true }),
    seized: flag('Whether it was seized (PTRACE_SEIZE), which does not stop it', { detail: true }),
    options: list('Options that the tracer set, as PTRACE_O_…'),
    found_by: list('What says so: thread, tracer', { detail: true }),
  },
  async *run({ kernel }) {
    const tasks = new Map(listedPlacedTasks(kernel).map((task) => [task.address, task]))
    const names = containerNames(kernel)
    for (const { task, tracer, ...how } of readTracees(kernel, [...tasks.keys()])) {
      const [traced, by] = [tasks.get(task), tasks.get(tracer ?? 0n)]
      if (traced === undefined) continue
      yield {
        address: task,
        tid: traced.tid,
        pid: traced.pid,
        comm: traced.comm,
        ...ownerOf(traced.container, names),
        state: traced.state,
        tracer_pid: by?.pid ?? null,
        tracer_tid: by?.tid ?? null,
        tracer_comm: by?.comm ?? null,
        tracer_container: by?.container ?? null,
        ...how,
      }
    }
  },
})
