import { defineRule, entryOf, isRuntimeStep, isShell, need, quote } from 'salvor'
import memoryPrograms from '../../processes/memory-programs.js'
import processes from '../../processes/processes.js'
import terminals from '../../traces/terminals.js'

export default defineRule({
  name: 'exec-into-container',
  title: 'A process was started in a running container from outside',
  means:
    'It is neither the first process of the container nor below it: docker exec, kubectl exec, nsenter or the like brought ' +
    'it in. Health checks come so too, but stay for moments and have no terminal.',
  next: [
    'Read what was typed in shell-history and terminals',
    'See what it started in process-tree, and its connections in sockets',
    'Ask for who asked the API server or the container engine for an exec at that time',
  ],
  tactic: 'execution',
  attack: ['T1609'],
  kubernetes: ['MS-TA9006'],
  severity: 'low',
  confidence: 'high',
  reads: { processes: need(processes), terminals: need(terminals), programs: need(memoryPrograms) },
  *find({ processes, terminals, programs }, known) {
    for (const process of processes.rows) {
      if (process.state === 'Z' || process.exe === null || isRuntimeStep(processes, programs, process)) continue
      if (entryOf(processes, process, known) !== process) continue
      const used = process.pid === null ? [] : terminals.where('session', process.pid)
      const at = used.length > 0 ? ` at terminal ${quote(used[0]?.name ?? null)}` : ''
      yield {
        about: process,
        severity: used.length > 0 ? 'medium' : 'low',
        confidence: used.length > 0 || isShell(process) ? 'high' : 'medium',
        summary: `${quote(process.args)} was started in the container from outside${at}`,
        evidence: [process, ...used],
      }
    }
  },
})
