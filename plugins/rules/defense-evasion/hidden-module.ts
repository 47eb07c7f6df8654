import { defineRule, lessIfTorn, missingFrom, need, quote } from 'salvor'
import info from '../../image/info.js'
import modules from '../../kernel/modules.js'

/** Views that know every module from the time that it lives (kernel/module/main.c). */
const VIEWS = ['list', 'kset', 'tree']

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
    for (const { row: module, views } of missingFrom(modules.where('state', 'live'), VIEWS)) {
      yield {
        ...lessIfTorn(info),
        summary: `The module ${quote(module.name)} lives and is missing in: ${views.join(', ')}`,
        evidence: [module],
      }
    }
  },
})
