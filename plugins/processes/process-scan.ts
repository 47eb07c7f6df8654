import { defineAnalyzer, Rows, scan, text } from 'salvor'
import { type PlacedTask, placedTasks, taskRows, threadColumns } from 'salvor/containers'
import { heldByPid, idleTasks, type Kernel, type TaskStatus, taskStatus, taskViews, type View } from 'salvor/kernel'

type Unlisted = 'hidden' | 'torn list' | null

interface Verdict {
  status: TaskStatus
  unlisted: Unlisted
}

/** Every task with the views that know it, and whether any of these is torn. */
function allViews(kernel: Kernel): { views: Map<bigint, readonly View[]>; torn: boolean } {
  const { live, rest, breaks } = taskViews(kernel)
  const views = new Map([...live, ...rest])
  for (const address of idleTasks(kernel)) views.set(address, [...(views.get(address) ?? []), 'run queue'])
  return { views, torn: breaks > 0 || rest.size > 0 }
}

/** A copy that a fork is still making bears the id of the task it was copied from. */
function isCopy(task: PlacedTask, listed: ReadonlySet<number | null>): boolean {
  return task.found_by.length === 0 && listed.has(task.tid)
}

/** What a live task becomes that no list knows: hidden, or where a list is torn no more than doubtful. */
function judge(task: PlacedTask, torn: boolean, listed: ReadonlySet<number | null>): Verdict {
  if (task.found_by.length > 0) return { status: 'live', unlisted: null }
  if (torn || isCopy(task, listed)) return { status: 'doubtful', unlisted: torn ? 'torn list' : null }
  return { status: 'live', unlisted: 'hidden' }
}

const { address, tid, pid, found_by, ...others } = threadColumns

export default defineAnalyzer({
  name: 'process-scan',
  aliases: ['psscan', 'psxview'],
  summary: 'Every task_struct carved from memory, whether or not any list knows it',
  description:
    'Physical memory is searched chunk by chunk for task_struct objects. A live one that no view knows ' +
    '(`found_by` empty, `unlisted` says hidden) was hidden; an exited one is what is left of a process that ended; a ' +
    'doubtful one is not borne out by the objects around it. Where memory was taken while the host went on, the lists ' +
    'are torn, and a task that they lack is doubtful and not hidden (`unlisted` says torn list).',
  torn: 'a task_struct that is whole is one row. One that no list knows is doubtful where a list is torn, and not said to be hidden.',
  examples: [
    { command: 'salvor process-scan memory.elf', what: 'all tasks, hidden and ended ones too' },
    { command: 'salvor process-scan memory.elf --threads 2', what: 'with two workers' },
  ],
  columns: {
    address,
    tid,
    pid,
    status: text('live, exited or doubtful'),
    // What is hidden shows by these, so that they are no details here.
    unlisted: text('Why no list knows a task that should be on one: hidden, or torn list'),
    found_by: { ...found_by, detail: false },
    ...others,
  },
  // A task that has ended keeps these two and loses its pid. A copy of it that is still in memory has them as well.
  key: ['tid', 'started'],
  scans: { tasks: scan.tasks() },
  async *run({ kernel, scans }) {
    const { views, torn } = allViews(kernel)
    const status = taskStatus(kernel, new Set([...scans.tasks, ...views.keys()]))
    const [alive, gone] = [[...status.keys()].filter(isLive), [...status.keys()].filter((task) => !isLive(task))]
    const unknown = alive.filter((address) => !views.has(address))
    for (const address of heldByPid(kernel, unknown)) views.set(address, ['pid'])
    const tasks = placedTasks(kernel, alive, views, gone)
    const listed = new Set(tasks.filter(({ address }) => isListed(address)).map(({ tid }) => tid))
    const verdicts = tasks.map((task): Verdict => {
      const found = status.get(task.address) ?? 'doubtful'
      return found === 'live' ? judge(task, torn, listed) : { status: found, unlisted: null }
    })
    yield new Rows(tasks.length, {
      ...taskRows(threadColumns, tasks).columns,
      status: verdicts.map((verdict) => verdict.status),
      unlisted: verdicts.map((verdict) => verdict.unlisted),
    })

    function isLive(address: bigint): boolean {
      return status.get(address) === 'live'
    }
    function isListed(address: bigint): boolean {
      return isLive(address) && views.has(address)
    }
  },
})
