import { defineRule, lessIfTorn, need, quote } from 'salvor'
import info from '../../image/info.js'
import modules from '../../kernel/modules.js'
import kernelThreads from '../../processes/kernel-threads.js'

export default defineRule({
  name: 'kernel-thread-code',
  title: 'A thread of the kernel runs code that no module admits to, or of a foreign module',
  means:
    'A thread of the kernel runs a function of the kernel or of a module. One that runs other code was started by a ' +
    'module that hides; rootkits keep one to come back or to listen.',
  next: ['See where it waits in kernel-stacks', 'Look in modules for one that is missing in a list'],
  tactic: 'defense-evasion',
  attack: ['T1014'],
  severity: 'critical',
  confidence: 'medium',
  reads: { threads: need(kernelThreads), modules: need(modules), info: need(info) },
  *find({ threads, modules, info }) {
    // Where the list of modules could not be read the code of honest ones is nobody's.
    const isListed = modules.rows.some(({ found_by }) => found_by?.includes('list'))
    for (const thread of threads.rows) {
      // The first, kthreadd, has none; kernels before 5.8 keep none at all.
      if (thread.function === null || BigInt(thread.function) === 0n) continue
      const unknown = thread.module === null && thread.symbol === null
      const foreign = modules.where('name', thread.module ?? '')[0]?.taints?.includes('O') === true
      if ((!unknown && !foreign) || (unknown && !isListed)) continue
      yield {
        about: thread,
        ...(unknown ? lessIfTorn(info) : { severity: 'low' as const }),
        summary: `${quote(thread.name ?? thread.comm)} runs ${unknown ? `code at 0x${thread.function.toString(16)}` : `${quote(thread.symbol)} of ${quote(thread.module)}`}`,
        evidence: [thread],
      }
    }
  },
})
