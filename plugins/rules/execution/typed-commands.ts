import { defineRule, need, quote, severityOfTyped, signsOfTyped } from 'salvor'
import shellHistory from '../../traces/shell-history.js'

/** Signs that the sentence names. */
const MANY = 3

export default defineRule({
  name: 'typed-commands',
  title: 'Commands of an interactive shell are still in its memory',
  means:
    'Somebody typed into this shell. What was typed tells what was wanted; where it reads credentials, fetches programs or ' +
    'leaves a container, it was hardly the administrator’s daily work.',
  next: [
    'Read all of it with shell-history, and what was answered in terminals',
    'Compare the times with who was logged in or asked for an exec then',
  ],
  tactic: 'execution',
  attack: ['T1059.004'],
  kubernetes: ['MS-TA9007'],
  severity: 'low',
  confidence: 'medium',
  reads: { history: need(shellHistory) },
  *find({ history }) {
    for (const pid of new Set(history.rows.map((row) => row.pid))) {
      const typed = history.where('pid', pid)
      const [first] = typed
      if (pid === null || first === undefined) continue
      const told = typed
        .map((row) => ({ row, signs: signsOfTyped(row.command) }))
        .filter(({ signs }) => signs.length > 0)
      const signs = [...new Set(told.flatMap(({ signs }) => signs))]
      const what = signs.length > 0 ? `, among them one that ${signs.slice(0, MANY).join(', one that ')}` : ''
      const one = typed.length === 1 ? 'command was' : 'commands were'
      yield {
        about: first,
        severity: severityOfTyped(signs, first.container),
        summary: `${typed.length} ${one} typed${what}: ${quote((told[0]?.row ?? first).command)}`,
        evidence: told.length > 0 ? told.map(({ row }) => row) : [first],
      }
    }
  },
})
