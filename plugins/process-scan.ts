import {
  defineAnalyzer,
  idleTasks,
  knownTasks,
  type PlacedTask,
  placedTasks,
  taskRow,
  text,
  threadColumns,
} from 'salvor'

/** EXIT_DEAD (include/linux/sched.h). */
const EXIT_DEAD = 0x10

/**
 * A task that was unhashed or whose last reference went is gone, and its memory only waits to be used again. One that
 * says it lives must be borne out by the objects around it: the `struct pid` that it points to bears its number, and
 * the leader it names is of its own thread group.
 */
function status(task: PlacedTask): 'live' | 'exited' | 'doubtful' {
  if (task.exit_state === null || task.usage === null || task.thread_pid === null) return 'doubtful'
  if ((task.exit_state & EXIT_DEAD) !== 0 || task.usage <= 0 || task.thread_pid === 0n) return 'exited'
  const borneOut = task.thread_pid_nr === task.tid && task.leader_tgid === task.pid && task.uid !== null
  return borneOut ? 'live' : 'doubtful'
}

const { address, tid, pid, found_by, ...others } = threadColumns

export default defineAnalyzer({
  name: 'process-scan',
  aliases: ['psscan'],
  area: 'processes',
  summary: 'Every task_struct carved from memory, whether or not any list knows it',
  description:
    'Physical memory is searched chunk by chunk for task_struct objects. A live one that no view knows ' +
    '(`found_by` empty) was hidden; an exited one is what is left of a process that ended.',
  examples: [
    { command: 'salvor process-scan memory.elf', what: 'all tasks, hidden and ended ones too' },
    { command: 'salvor process-scan memory.elf --threads 2', what: 'with two workers' },
  ],
  columns: {
    address,
    tid,
    pid,
    status: text('live, exited or doubtful'),
    // What is hidden shows by it, so that it is no detail here.
    found_by: { ...found_by, detail: false },
    ...others,
  },
  scans: ['tasks'],
  async *run({ kernel, scans }) {
    const views = knownTasks(kernel)
    for (const idle of idleTasks(kernel)) {
      if (!views.get(idle)?.push('run queue')) views.set(idle, ['run queue'])
    }
    const addresses = new Set([...scans.tasks, ...views.keys()])
    const tasks = placedTasks(kernel, addresses, views)
    yield tasks.map((task) => ({ ...taskRow(threadColumns, task), status: status(task) }))
  },
})
