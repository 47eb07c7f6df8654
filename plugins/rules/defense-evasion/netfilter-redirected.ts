import { defineRule, need, quote } from 'salvor'
import netfilter from '../../network/netfilter.js'

export default defineRule({
  name: 'netfilter-redirected',
  title: 'Packets pass another function than the one that was registered',
  means:
    'Somebody wrote over the pointer by which netfilter calls a function: to see packets first, or to let some pass unseen.',
  next: ['See in modules whose code that is, and in kernel-hooks what else leads there'],
  tactic: 'defense-evasion',
  attack: ['T1014', 'T1205'],
  severity: 'critical',
  confidence: 'high',
  reads: { netfilter: need(netfilter) },
  *find({ netfilter }) {
    for (const hook of netfilter.where('redirected', true)) {
      yield {
        about: { container: hook.container },
        summary: `${hook.family} ${hook.hook} calls ${quote(hook.symbol)} of ${quote(hook.module)}`,
        evidence: [hook],
      }
    }
  },
})
