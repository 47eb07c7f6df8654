import { defineRule, isDebugger, need, quote } from 'salvor'
import processes from '../../processes/processes.js'
import ptrace from '../../processes/ptrace.js'

export default defineRule({
  name: 'traced-process',
  title: 'A process is held by another one that can read and change it',
  means:
    'By ptrace code is put into processes, and secrets are read from them. Debuggers do the same; this one is not known ' +
    'as one, unless it is said.',
  next: [
    'See in injected-memory whether the traced process was changed',
    'Write the program of the tracer with elf-dump and hash it',
  ],
  tactic: 'defense-evasion',
  attack: ['T1055.008'],
  severity: 'medium',
  confidence: 'medium',
  reads: { ptrace: need(ptrace), processes: need(processes) },
  *find({ ptrace, processes }) {
    const told = new Set<string>()
    for (const traced of ptrace.rows) {
      const pair = `${traced.tracer_pid} ${traced.pid}`
      if (told.has(pair)) continue
      told.add(pair)
      const tracer = processes.where('pid', traced.tracer_pid)[0]
      const target = processes.where('pid', traced.pid)[0]
      // Who traces another's processes from a container has come out of it, or was given the host's.
      const crosses = traced.tracer_container !== null && traced.tracer_container !== traced.container
      const isKnown = tracer !== undefined && isDebugger(tracer)
      yield {
        about: traced,
        severity: crosses ? 'high' : isKnown ? 'low' : 'medium',
        summary: `${quote(target?.args ?? traced.comm)} is traced by ${quote(tracer?.args ?? traced.tracer_comm)}${crosses ? ' of another container' : ''}`,
        evidence: [traced, ...(tracer === undefined ? [] : [tracer])],
      }
    }
  },
})
