import { defineRule, need, quote, severityOfTyped, signsOfTyped } from 'salvor'
import shellHistory from '../../traces/shell-history.js'
import terminals from '../../traces/terminals.js'

/** What one terminal keeps is no more than this (n_tty's buffer); lines of it that a finding looks at. */
const MOST = 512

export default defineRule({
  name: 'typed-into-terminal',
  title: 'What was typed into a terminal is what intruders type',
  means:
    'The kernel keeps what was typed last, for shells too that keep no history, and for clients by which somebody types ' +
    'into a container or another host.',
  next: [
    'Read it in terminals: what was typed, and at the other end what was answered',
    'See who it is in process-tree',
  ],
  tactic: 'execution',
  attack: ['T1059.004'],
  kubernetes: ['MS-TA9007'],
  severity: 'medium',
  confidence: 'medium',
  reads: { terminals: need(terminals), history: need(shellHistory) },
  *find({ terminals, history }) {
    for (const terminal of terminals.where('driver', 'pts')) {
      // What a shell remembers itself has a rule of its own.
      if (terminal.pid === null || history.where('pid', terminal.pid).length > 0) continue
      const lines = `${terminal.read ?? ''}\n${terminal.unread ?? ''}`.split(/[\r\n]/).slice(-MOST)
      const told = lines.map((line) => ({ line, signs: signsOfTyped(line) })).filter(({ signs }) => signs.length > 0)
      const [first] = told
      if (first === undefined) continue
      const signs = [...new Set(told.flatMap((typed) => typed.signs))]
      yield {
        about: terminal,
        severity: severityOfTyped(signs, terminal.container),
        summary: `Into ${quote(terminal.name)} of ${quote(terminal.comm)} was typed what ${signs.slice(0, 3).join(', what ')}: ${quote(first.line)}`,
        evidence: [terminal],
      }
    }
  },
})
