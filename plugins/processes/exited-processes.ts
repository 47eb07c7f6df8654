import { address, count, defineAnalyzer, flag, integer, list, scan, text, time } from 'salvor'
import { containerFinder, listedTasks, type PlacedTask, placedTasks, readMembers } from 'salvor/containers'
import { type Ending, isLeader, type Kernel, readDeadPids, readEndings, taskStatus, taskViews } from 'salvor/kernel'

/** What there is of a task that has ended: on a list as a zombie, or only in memory that was not used again. */
function taskRow(task: PlacedTask, ending: Ending, zombie: boolean) {
  const { address, pid, tid, ppid, comm, uid, started, cgroup, container } = task
  const found_by = [zombie ? 'zombie' : 'task']
  const { exit_code, exit_signal, core_dumped } = ending
  const own = { address, pid, tid, ppid, comm, uid, started, cgroup, container, found_by }
  return { ...own, exit_code, exit_signal, core_dumped, in_session: null, in_group: null, held_by: null }
}

/** Numbers that nobody bears any more. */
function* pidRows(kernel: Kernel) {
  const members = readMembers(kernel)
  const containerOf = containerFinder(kernel, listedTasks(kernel))
  for (const { address, pid, in_use, session, group, holders, cgroup, ...ending } of readDeadPids(kernel, [
    ...members.keys(),
  ])) {
    const found_by = [...(in_use ? ['pid'] : []), ...(holders.length > 0 ? ['pidfd'] : [])]
    const held_by = holders.map(({ task, fd }) => `${members.get(task)?.pid ?? '?'}/${fd ?? '?'}`)
    const unknown = { tid: null, ppid: null, comm: null, uid: null, started: null }
    const place = { cgroup, container: containerOf(cgroup) }
    yield { address, pid, ...unknown, ...place, found_by, ...ending, in_session: session, in_group: group, held_by }
  }
}

export default defineAnalyzer({
  name: 'exited-processes',
  aliases: ['zombies', 'dead-processes'],
  summary: 'What memory still says of processes and threads that have ended',
  description:
    'Tasks that have ended and whose memory was not used again, zombies whose parent has not asked for them, and numbers ' +
    'that nobody bears any more: still in use as that of a session or process group, or held by a pidfd. From 6.18 on ' +
    'a pidfd’s record tells the exit code and the cgroup of what has ended.',
  torn: 'what is left of a task is one row, right in each cell that is not null; its memory may be in part another’s by now.',
  examples: [
    { command: 'salvor exited-processes memory.elf', what: 'everything that is left' },
    { command: 'salvor exited-processes memory.elf --container shop-web-1', what: 'what ended in one container' },
  ],
  columns: {
    address: address('Address of the task_struct or struct pid', { detail: true }),
    pid: integer('Process id that it had', { meaning: 'pid' }),
    tid: integer('Thread id that it had', { meaning: 'tid' }),
    ppid: integer('Process id of its parent', { detail: true }),
    comm: text('Name of the thread'),
    uid: integer('Real user id', { detail: true }),
    started: time('When it started'),
    exit_code: integer('What it gave to exit(); null where a signal ended it, or nobody knows'),
    exit_signal: integer('Signal that ended it'),
    core_dumped: flag('Whether a core was dumped', { detail: true }),
    found_by: list('task, zombie, pid or pidfd'),
    in_session: count('Processes that are still in its session', { detail: true }),
    in_group: count('Processes that are still in its process group', { detail: true }),
    held_by: list('Who has a pidfd to it, as PID/DESCRIPTOR', { detail: true }),
    cgroup: text('Path of its cgroup', { meaning: 'cgroup', detail: true }),
    container: text('Id of the container it ran in', { meaning: 'container' }),
  },
  scans: { tasks: scan.tasks() },
  async *run({ kernel, scans }) {
    const { live, rest } = taskViews(kernel)
    const status = taskStatus(kernel, new Set([...scans.tasks, ...live.keys(), ...rest.keys()]))
    const ended = [...status.keys()].filter((task) => status.get(task) === 'exited')
    const endings = readEndings(kernel.leftovers(), [...live.keys(), ...ended])
    const zombies = [...live.keys()].filter((task) => endings.get(task)?.zombie === true)
    yield placedTasks(kernel, zombies, live, ended).flatMap((task) => {
      const ending = endings.get(task.address)
      // A task keeps its numbers: what has none was never one.
      return ending === undefined || !task.pid || !task.tid
        ? []
        : [taskRow(task, ending, ending.zombie && isLeader(task))]
    })
    yield [...pidRows(kernel)]
  },
})
