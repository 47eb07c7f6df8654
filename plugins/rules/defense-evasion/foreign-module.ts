import { defineRule, need, quote } from 'salvor'
import modules from '../../kernel/modules.js'

export default defineRule({
  name: 'foreign-module',
  title: 'A kernel module that is not of the kernel’s own tree, or not signed',
  means:
    'Drivers of vendors and file systems such as ZFS are built so, and so is every rootkit. One that was forced in ' +
    'belongs to another kernel.',
  next: ['Compare it with what is installed on the host', 'See in kernel-hooks and kernel-threads what it does'],
  tactic: 'defense-evasion',
  attack: ['T1547.006', 'T1014'],
  severity: 'low',
  confidence: 'medium',
  reads: { modules: need(modules) },
  *find({ modules }) {
    for (const module of modules.rows) {
      const taints = module.taints ?? ''
      const forced = /[FR]/.test(taints)
      if (!forced && !/[OE]/.test(taints)) continue
      yield {
        severity: forced ? 'medium' : 'low',
        summary: `The module ${quote(module.name)} is ${words(taints).join(', ')}`,
        evidence: [module],
      }
    }
  },
})

/** What letters of taint say of a module (kernel/panic.c). */
const LETTERS: Readonly<Record<string, string>> = {
  O: 'from outside of the kernel’s tree',
  E: 'not signed',
  F: 'forced in',
  R: 'was forced out before',
}

function words(taints: string): string[] {
  return [...taints].flatMap((letter) => LETTERS[letter] ?? [])
}
