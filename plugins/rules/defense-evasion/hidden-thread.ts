import { defineRule, lessIfTorn, need, quote } from 'salvor'
import info from '../../image/info.js'
import threads from '../../processes/threads.js'

export default defineRule({
  name: 'hidden-thread',
  title: 'A thread that is missing in the list of its process or in that of ids',
  means:
    'The kernel keeps every thread on both. A rootkit takes one off to hide what it runs inside of another process.',
  next: [
    'See where it runs in user-stacks and kernel-stacks',
    'Look for what hides it: kernel-hooks, modules, bpf-programs',
  ],
  tactic: 'defense-evasion',
  attack: ['T1014'],
  severity: 'high',
  confidence: 'medium',
  reads: { threads: need(threads), info: need(info) },
  *find({ threads, info }) {
    const views = ['pid IDR', 'thread list'].filter((view) =>
      threads.rows.some(({ found_by }) => found_by?.includes(view)),
    )
    for (const thread of threads.rows) {
      // The first thread is the process itself, of which hidden-process tells.
      if (thread.tid === thread.pid || thread.found_by === null || thread.state === 'X' || thread.state === 'Z')
        continue
      const lacking = views.filter((view) => !thread.found_by?.includes(view))
      if (lacking.length === 0) continue
      yield {
        about: thread,
        ...lessIfTorn(info),
        summary: `The thread ${quote(thread.comm)} (${thread.tid}) is missing in the ${lacking.join(' and the ')}`,
        evidence: [thread],
      }
    }
  },
})
