import { defineRule, lessIfTorn, need, quote } from 'salvor'
import info from '../../image/info.js'
import kernelHooks from '../../kernel/kernel-hooks.js'

export default defineRule({
  name: 'kernel-hook',
  title: 'A function of the kernel was put in another’s place',
  means:
    'A pointer by which the kernel finds its functions, or the first bytes of a function, lead where they should not: ' +
    'into no known code, or into a module that has no business there. So rootkits hide files, processes and connections.',
  next: [
    'See in modules whose code it leads into, and in kernel-log when that came',
    'Trust no list that the changed function makes: compare with process-scan and files',
  ],
  tactic: 'defense-evasion',
  attack: ['T1014'],
  severity: 'critical',
  confidence: 'high',
  reads: { hooks: need(kernelHooks), info: need(info) },
  *find({ hooks, info }) {
    for (const hook of hooks.where('suspicious', true)) {
      const to = hook.symbol ?? (hook.address === null ? 'nowhere' : `0x${hook.address.toString(16)}`)
      yield {
        ...lessIfTorn(info),
        summary: `${hook.kind} ${quote(hook.name)} leads to ${quote(to)} of ${quote(hook.module)}${hook.expected === null ? '' : `, and not to ${quote(hook.expected)}`}`,
        evidence: [hook],
      }
    }
    for (const hook of hooks.where('suspicious', null)) {
      yield {
        severity: 'low',
        confidence: 'low',
        summary: `${hook.kind} ${quote(hook.name)} leads into code that no module is known for; the image may have lost one`,
        evidence: [hook],
      }
    }
  },
})
