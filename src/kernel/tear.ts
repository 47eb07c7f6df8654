/**
 * How torn an image is. Memory that a tool copies while the host goes on is not of one moment: of two objects that name
 * each other, one may be older. Links that the kernel always keeps in step tell how much of it is so.
 */

import type { Kernel } from './kernel.js'
import { TASK_STRUCT } from './objects.js'
import { obeys, type Selects } from './query.js'
import type { Rule } from './rule.js'
import { HELD_BY_PID, taskViews } from './task-views.js'

/** A kind of link that was looked at from both ends. */
export interface LinkCheck {
  /** Whose links. */
  links: string
  checked: number
  contradict: number
  /** The first task of which one does, `0x…`. */
  first: string | null
}

/** What of a task's neighbours names it in turn. */
const LINKS: Readonly<Record<string, { rules: readonly Rule[]; leaders?: boolean }>> = {
  // Other threads hold a copy of their leader's place on it.
  'task list': { rules: ring('tasks'), leaders: true },
  siblings: { rules: ring('sibling'), leaders: true },
  'thread list': { rules: ring('thread_node') },
  pid: { rules: HELD_BY_PID },
}

function ring(link: string): readonly Rule[] {
  return ['next->prev', 'prev->next'].map((way) => ({
    path: `container_of(${link}.${way}, struct task_struct, ${link})`,
    is: 'own',
  }))
}

/** Holds every task on any list against its neighbours. */
export function checkLinks(kernel: Kernel): LinkCheck[] {
  // What is torn is the answer here, and no news.
  const quiet = kernel.unheard()
  const { live, rest, breaks } = taskViews(quiet)
  const columns = Object.entries(LINKS).map(([links, { rules }]) => [links, obeys(rules)] as const)
  const leader = obeys([{ path: 'pid', is: { equals: 'tgid' } }])
  const select: Selects = { ...Object.fromEntries(columns), leader }
  const batch = quiet.at(live.keys(), TASK_STRUCT).select(select)
  const rows = [...batch.addresses.keys()]
  const checks = Object.entries(LINKS).map(([links, { leaders }]) => {
    const checked = leaders ? rows.filter((row) => batch.column('leader').number(row) === 1) : rows
    const contradict = checked.filter((row) => batch.column(links).number(row) !== 1)
    return check(
      links,
      checked.length,
      contradict.map((row) => batch.address(row)),
    )
  })
  // On a list of one moment there is nothing that has ended, and nothing that is no task.
  const entries = check('entries', live.size + rest.size, [...rest.keys()])
  return [...checks, { ...entries, checked: entries.checked + breaks, contradict: entries.contradict + breaks }]
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
