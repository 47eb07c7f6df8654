import { defineRule, missingFrom, need, quote } from 'salvor'
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
    // Threads come and go while memory is taken: then one list has what the other lacks.
    if (info.rows[0]?.torn !== false) return
    const living = threads.rows.filter(({ state }) => state !== 'X' && state !== 'Z')
    for (const { row: thread, views } of missingFrom(living, ['pid IDR', 'thread list'])) {
      // The first thread is the process itself, of which hidden-process tells.
      if (thread.tid === thread.pid) continue
      yield {
        about: thread,
        summary: `The thread ${quote(thread.comm)} (${thread.tid}) is missing in the ${views.join(' and the ')}`,
        evidence: [thread],
      }
    }
  },
})
