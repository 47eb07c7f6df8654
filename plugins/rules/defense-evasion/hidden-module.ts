import { defineRule, lessIfTorn, need, quote } from 'salvor'
import info from '../../image/info.js'
import modules from '../../kernel/modules.js'

/** Views that know every module from the time that it lives (kernel/module/main.c). */
const VIEWS = ['list', 'kset', 'tree'] as const

export default defineRule({
  name: 'hidden-module',
  title: 'A kernel module that was taken off a list',
  means:
    'A module that lives is on the list of modules, in /sys/module and in the tree of addresses. A rootkit takes itself off.',
  next: [
    'Write its memory out and disassemble it',
    'See in kernel-hooks and netfilter what leads into it, and in kernel-log what it said',
  ],
  tactic: 'defense-evasion',
  attack: ['T1014', 'T1547.006'],
  severity: 'critical',
  confidence: 'high',
  reads: { modules: need(modules), info: need(info) },
  *find({ modules, info }) {
    const views = VIEWS.filter((view) => modules.rows.some(({ found_by }) => found_by?.includes(view)))
    for (const module of modules.where('state', 'live')) {
      const lacking = views.filter((view) => module.found_by !== null && !module.found_by.includes(view))
      if (lacking.length === 0) continue
      yield {
        ...lessIfTorn(info),
        summary: `The module ${quote(module.name)} lives and is missing in: ${lacking.join(', ')}`,
        evidence: [module],
      }
    }
  },
})
