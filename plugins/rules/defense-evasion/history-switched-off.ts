import { defineRule, need, quote } from 'salvor'
import environment from '../../processes/environment.js'

/** Settings of shells by which nothing that is typed is kept. */
const OFF: Readonly<Record<string, RegExp>> = {
  HISTFILE: /^\/dev\/(?:null|zero|shm\/.{0,200})$/,
  HISTSIZE: /^0$/,
  HISTFILESIZE: /^0$/,
  HISTCONTROL: /^ignoreall$/,
}

export default defineRule({
  name: 'history-switched-off',
  title: 'A process was started so that shells keep nothing of what is typed',
  means: 'Who is in a hurry to leave nothing behind sets this before working. Few administrators do.',
  next: [
    'Read what the shell still has in its memory: shell-history and terminals',
    'See in process-tree who started it',
  ],
  tactic: 'defense-evasion',
  attack: ['T1562.003'],
  severity: 'medium',
  confidence: 'medium',
  reads: { environment: need(environment) },
  *find({ environment }) {
    const told = new Set<unknown>()
    for (const [name, off] of Object.entries(OFF)) {
      for (const variable of environment.where('name', name)) {
        if (told.has(variable.pid) || !off.test(variable.value ?? '')) continue
        told.add(variable.pid)
        yield {
          about: variable,
          summary: `${name} is ${quote(variable.value)} in ${quote(variable.comm)}`,
          evidence: [variable],
        }
      }
    }
  },
})
