import { defineRule, lessIfTorn, need, quote, quoteSome } from 'salvor'
import info from '../../image/info.js'
import importHooks from '../../processes/import-hooks.js'

/** What makes code at run time for functions that it was asked for, and puts it into the slots of others. */
const HOOKS_BY_DESIGN = /\/lib(?:frida|dynamorio|lttng)[\w.-]*\.so/
const WHERE = {
  anonymous: 'memory without a file',
  unlisted: 'a file that its loader did not load',
  elsewhere: 'other places than they begin at',
} as const

export default defineRule({
  name: 'hooked-import',
  title: 'Functions that a program imports lead into code that is not theirs',
  means:
    'Where a program or library calls a function of another, something has written the address of other code: passwords, ' +
    'traffic and lists of files can be taken or changed there, and no code of a file is changed by it.',
  next: [
    'See in memory-maps and injected-memory what lies at the target, and dump it',
    'See in ptrace and process-tree who could write into the process',
  ],
  tactic: 'defense-evasion',
  attack: ['T1055', 'T1574'],
  severity: 'high',
  confidence: 'high',
  reads: { hooks: need(importHooks), info: need(info) },
  *find({ hooks, info }) {
    for (const [reason, where] of Object.entries(WHERE)) {
      const rows = hooks.where('reason', reason).filter(({ target_path }) => !HOOKS_BY_DESIGN.test(target_path ?? ''))
      for (const pid of new Set(rows.map(({ pid }) => pid))) {
        const own = rows.filter((row) => row.pid === pid)
        const [first] = own
        if (first === undefined) continue
        yield {
          about: first,
          ...lessIfTorn(info),
          summary: `${quoteSome(own.map(({ function: name }) => name))} of ${quote(first.library)} lead to ${where}`,
          evidence: own,
        }
      }
    }
  },
})
