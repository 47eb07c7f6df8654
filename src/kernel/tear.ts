/**
 * How torn an image is. Memory that a tool copies while the host goes on is not of one moment: of two objects that name
 * each other, one may be older. Links that the kernel always keeps in step tell how much of it is so.
 */

import { tasksAheadOfClocks } from './clock-tear.js'
import type { Kernel } from './kernel.js'
import { TASK_STRUCT } from './objects.js'
import { index, obeys, type Selects, xarray } from './query.js'
import type { Rule } from './rule.js'
import { HELD_BY_PID, taskViews } from './task-views.js'

/** A kind of link that was looked at from both ends, or of time that was held against a clock. */
export interface LinkCheck {
  /** Whose links. */
  links: string
  checked: number
  contradict: number
  /** The first task of which one does, or the first `struct pid`, `0x…`. */
  first: string | null
}

interface Link {
  /** What of a task's neighbours names it in turn. */
  readonly rules: readonly Rule[]
  /** What is null where the task's own link leads nowhere, as list_del() and hlist_del() leave it. */
  readonly leads: string
  readonly leaders?: boolean
}

const LINKS: Readonly<Record<string, Link>> = {
  // Other threads hold a copy of their leader's place on it.
  'task list': { ...ring('tasks'), leaders: true },
  siblings: { ...ring('sibling'), leaders: true },
  'thread list': ring('thread_node'),
  pid: { rules: HELD_BY_PID, leads: 'thread_pid->tasks[0].first' },
}

/** The views that `taskViews` asks: the task list has leaders alone. */
const LISTS_OF_LEADER = 3
const LISTS_OF_THREAD = 2

function ring(link: string): Link {
  const rules = ['next->prev', 'prev->next'].map((way): Rule => {
    return { path: `container_of(${link}.${way}, struct task_struct, ${link})`, is: 'own' }
  })
  return { rules, leads: `${link}.prev->next` }
}

/** Holds every task on any list against its neighbours. */
export function checkLinks(kernel: Kernel): LinkCheck[] {
  // What is torn is the answer here, and no news.
  const quiet = kernel.unheard()
  const { live, rest, breaks } = taskViews(quiet)
  const columns = Object.entries(LINKS).flatMap(([links, { rules, leads }]) => [
    [links, obeys(rules)] as const,
    [`${links} leads`, leads] as const,
  ])
  const leader = obeys([{ path: 'pid', is: { equals: 'tgid' } }])
  const select: Selects = { ...Object.fromEntries(columns), leader }
  const batch = quiet.at(live.keys(), TASK_STRUCT).select(select)
  const rows = [...batch.addresses.keys()]
  const isLeader = (row: number) => batch.column('leader').number(row) === 1
  const isKnown = (row: number) =>
    (live.get(batch.address(row))?.length ?? 0) >= (isLeader(row) ? LISTS_OF_LEADER : LISTS_OF_THREAD)
  // A task that was taken off a list, and whose links were cleared as the kernel clears them, was never torn by that.
  const wasCut = (links: string, row: number) => !isKnown(row) && !batch.column(`${links} leads`).bigint(row)
  const checks = Object.entries(LINKS).map(([links, { leaders }]) => {
    const checked = rows.filter((row) => (!leaders || isLeader(row)) && !wasCut(links, row))
    const contradict = checked.filter((row) => batch.column(links).number(row) !== 1)
    return check(
      links,
      checked.length,
      contradict.map((row) => batch.address(row)),
    )
  })
  // On a list of one moment there is nothing that has ended, and nothing that is no task.
  const entries = check('entries', live.size + rest.size, [...rest.keys()])
  // Whoever took a task off a list may have set its times as well: only what each list knows bears witness.
  const clocks = tasksAheadOfClocks(
    quiet,
    rows.filter(isKnown).map((row) => batch.address(row)),
  ).map(({ links, checked, ahead }) => check(links, checked, ahead))
  return [
    ...checks,
    checkNumbers(quiet),
    ...clocks,
    { ...entries, checked: entries.checked + breaks, contradict: entries.contradict + breaks },
  ]
}

/**
 * Whether each number leads to a `struct pid` that bears it and is in use. A table of another moment than those has what has
 * ended or has yet to begin, so that what it lacks may be so too.
 */
function checkNumbers(kernel: Kernel): LinkCheck {
  const pids = kernel
    .symbol('init_pid_ns', 'struct pid_namespace')
    .walk(xarray('idr', 'struct pid'))
    .select({ index: index(), number: 'numbers[0].nr', usage: ['count.refs.counter', 'count.counter'] })
  const column = (name: 'index' | 'number' | 'usage', row: number) => pids.column(name).number(row)
  const contradict = [...pids.addresses].filter((_, row) => {
    const [number, usage] = [column('number', row), column('usage', row)]
    return (number !== null && number !== column('index', row)) || (usage !== null && usage < 1)
  })
  return check('numbers', pids.length, contradict)
}

function check(links: string, checked: number, contradict: readonly bigint[]): LinkCheck {
  const [first] = contradict
  return {
    links,
    checked,
    contradict: contradict.length,
    first: first === undefined ? null : `0x${first.toString(16)}`,
  }
}
